package guard

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// publicBuckets finds what opens a bucket or a snapshot to everybody: blocks that are switched off, access control lists and
// policies. New buckets are blocked and without lists from AWS's side, so whoever makes one public says so:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
func publicBuckets(_ planned, c change) []report.Finding {
	if !c.makes() && !c.updates() {
		return nil
	}
	var findings []report.Finding
	for _, find := range []func(change) []report.Finding{unblocked, openedLists, openedPolicies, sharedSnapshots} {
		findings = append(findings, find(c)...)
	}
	for i := range findings {
		findings[i].Rule = Public
	}
	return findings
}

// unblocked finds the settings of a public access block that are off, and weren't before. A bucket has all of them on to begin
// with, an account none.
func unblocked(c change) []report.Finding {
	created := c.before == nil
	if c.Type != "aws_s3_bucket_public_access_block" && (c.Type != "aws_s3_account_public_access_block" || created) {
		return nil
	}
	var off []report.FindingValue
	for _, name := range []string{"block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets"} {
		before, after, unknown := c.value(path(name))
		if (created || before == true) && after != true && !unknown {
			off = append(off, c.show(path(name)))
		}
	}
	if len(off) == 0 {
		return nil
	}
	return []report.Finding{{What: "what keeps it from being made public is switched off", Values: off}}
}

// publicLists are the canned lists that grant something to everybody, or to everybody who has an AWS account:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html
var publicLists = []string{"public-read", "public-read-write", "authenticated-read"}

// publicGroups end the URIs of the groups of everybody.
var publicGroups = []string{"/global/AllUsers", "/global/AuthenticatedUsers"}

func openedLists(c change) []report.Finding {
	var findings []report.Finding
	switch c.Type {
	case "aws_s3_bucket", "aws_s3_bucket_acl", "aws_s3_object", "aws_s3_bucket_object", "aws_s3_object_copy":
		before, after, _ := c.value(path("acl"))
		if list, ok := after.(string); ok && slices.Contains(publicLists, list) && !same(before, after) {
			findings = append(findings, report.Finding{What: "its access control list lets everybody in", Values: []report.FindingValue{c.show(path("acl"))}})
		}
	default:
		return nil
	}
	before := grantees(c.before)
	for _, group := range grantees(c.after) {
		if !slices.Contains(before, group) {
			findings = append(findings, report.Finding{What: "its access control list grants something to " + group})
		}
	}
	return findings
}

// grantees are the groups of everybody that grants name, with what is granted: "AllUsers (READ)".
func grantees(values map[string]any) []string {
	var found []string
	add := func(uri any, permissions any) {
		s, _ := uri.(string)
		for _, group := range publicGroups {
			if strings.HasSuffix(s, group) {
				for _, permission := range texts(permissions) {
					found = append(found, fmt.Sprintf("%s (%s)", group[strings.LastIndexByte(group, '/')+1:], printable(permission)))
				}
			}
		}
	}
	for _, grant := range blocks(values["grant"]) {
		add(grant["uri"], grant["permissions"])
	}
	for _, policy := range blocks(values["access_control_policy"]) {
		for _, grant := range blocks(policy["grant"]) {
			for _, grantee := range blocks(grant["grantee"]) {
				add(grantee["uri"], grant["permission"])
			}
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

func openedPolicies(c change) []report.Finding {
	switch c.Type {
	case "aws_s3_bucket", "aws_s3_bucket_policy", "aws_s3_access_point", "aws_s3control_access_point_policy", "aws_s3control_bucket_policy":
	default:
		return nil
	}
	before, after, unknown := c.value(path("policy"))
	if unknown {
		if c.Type == "aws_s3_bucket" || c.Type == "aws_s3_access_point" { // the provider fills it in
			return nil
		}
		return []report.Finding{{
			What: "its policy isn't known before the apply, so nobody can tell whether it lets everybody in", Verdict: report.Noted,
		}}
	}
	was := publicStatements(before)
	var findings []report.Finding
	for _, statement := range publicStatements(after) {
		if !slices.ContainsFunc(was, func(old map[string]any) bool { return same(old, statement) }) {
			what := "a statement of its policy allows everybody " + actions(statement)
			if sid, ok := statement["Sid"].(string); ok && sid != "" {
				what = fmt.Sprintf("the statement %q of its policy allows everybody %s", sid, actions(statement))
			}
			findings = append(findings, report.Finding{What: what})
		}
	}
	return findings
}

func actions(statement map[string]any) string {
	if allowed := texts(statement["Action"]); len(allowed) > 0 {
		return printable(strings.Join(allowed, ", "))
	}
	return "all but some actions"
}

// publicStatements are those of a policy document that allow something to everybody, with no condition that narrows it:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html#access-control-block-public-access-policy-status
func publicStatements(policy any) []map[string]any {
	text, _ := policy.(string)
	var document map[string]any
	if json.Unmarshal([]byte(text), &document) != nil {
		return nil
	}
	statements := blocks(document["Statement"])
	if single, ok := document["Statement"].(map[string]any); ok {
		statements = append(statements, single)
	}
	var public []map[string]any
	for _, statement := range statements {
		_, allBut := statement["NotPrincipal"]
		if statement["Effect"] == "Allow" && (allBut || anybody(statement["Principal"])) && !narrowed(statement["Condition"]) {
			public = append(public, statement)
		}
	}
	return public
}

func anybody(principal any) bool {
	return slices.Contains(texts(principal), "*") || slices.Contains(texts(attribute(principal, "AWS")), "*")
}

// narrowing are the condition keys that AWS takes for a limit, in lower case, as keys are compared.
var narrowing = []string{
	"aws:sourceip", "aws:sourcearn", "aws:sourcevpc", "aws:sourcevpce", "aws:sourcevpcarn", "aws:sourceowner", "aws:sourceaccount",
	"aws:sourceorgid", "aws:sourceorgpaths", "aws:principalorgid", "aws:principalorgpaths", "aws:principalaccount", "aws:principalarn",
	"aws:userid", "aws:vpcsourceip", "s3:dataaccesspointarn", "s3:dataaccesspointaccount", "s3:x-amz-server-side-encryption-aws-kms-key-id",
}

// narrowed says that a condition admits only some. An operator of absence or negation doesn't, nor does one that is true where
// the key is missing.
func narrowed(condition any) bool {
	operators, _ := condition.(map[string]any)
	for operator, tests := range operators {
		switch strings.TrimPrefix(strings.ToLower(operator), "foranyvalue:") {
		case "stringequals", "stringequalsignorecase", "stringlike", "arnequals", "arnlike", "ipaddress":
		default:
			continue
		}
		keys, _ := tests.(map[string]any)
		for key, values := range keys {
			wanted := texts(values)
			if slices.Contains(narrowing, strings.ToLower(key)) && len(wanted) > 0 && !slices.ContainsFunc(wanted, wide) {
				return true
			}
		}
	}
	return false
}

// wide says that a condition's value admits too many: a pattern, but for the end of an ARN whose account is named, or a
// network that AWS calls too broad.
func wide(value string) bool {
	if prefix, err := netip.ParsePrefix(value); err == nil {
		return prefix.Addr().Is4() && prefix.Bits() < 8 || prefix.Addr().Is6() && prefix.Bits() < 32
	}
	if parts := strings.SplitN(value, ":", 6); len(parts) == 6 && parts[0] == "arn" {
		value = parts[4]
		if value == "" { // a bucket's ARN names no account
			value = parts[5]
		}
	}
	return strings.ContainsAny(value, "*?") || strings.Contains(value, "${")
}

// sharedSnapshots finds snapshots of databases that everybody may restore:
// https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ShareSnapshot.html
func sharedSnapshots(c change) []report.Finding {
	switch c.Type {
	case "aws_db_snapshot", "aws_db_snapshot_copy", "aws_db_cluster_snapshot", "aws_rds_cluster_snapshot_copy":
	default:
		return nil
	}
	if slices.Contains(texts(c.after["shared_accounts"]), "all") && !slices.Contains(texts(c.before["shared_accounts"]), "all") {
		return []report.Finding{{What: "every AWS account may restore the snapshot"}}
	}
	return nil
}
