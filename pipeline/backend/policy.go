package backend

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// tlsOnlySid names the statement that a bootstrap owns in the bucket's policy.
const tlsOnlySid = "TLSOnly"

// withTLSOnly returns the policy with a statement that denies every request that isn't encrypted on its way, and in words how
// it was. The policy comes back as it is where a statement of it, of whatever name, says so already. An empty one is none.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html
func withTLSOnly(policy string, bucket Bucket) (wanted, was string, err error) {
	document := map[string]json.RawMessage{"Version": json.RawMessage(`"2012-10-17"`)}
	var statements []json.RawMessage
	if policy != "" {
		clear(document) // a policy without a version has another one
		if err := json.Unmarshal([]byte(policy), &document); err != nil {
			return "", "", fmt.Errorf("read policy: %w", err)
		}
		if statements, err = statementsOf(document["Statement"]); err != nil {
			return "", "", err
		}
	}
	others := slices.Clone(statements)
	was = "was not, is"
	for i, raw := range statements {
		var statement map[string]any
		if err := json.Unmarshal(raw, &statement); err != nil {
			return "", "", fmt.Errorf("read policy: statement %d: %w", i+1, err)
		}
		sid, _ := statement["Sid"].(string)
		if deniesPlain(statement, bucket.arn()) {
			return policy, fmt.Sprintf("by statement %q of %d", sid, len(statements)), nil
		}
		if sid == tlsOnlySid {
			was = fmt.Sprintf("statement %s had been changed to %s, is as it was", sid, raw)
			others = slices.Delete(others, i, i+1) // Sids are unique in a policy
		}
	}
	if len(others) > 0 {
		was += fmt.Sprintf("; the policy's other statements (%d) stay", len(others))
	}
	own, err := json.Marshal(map[string]any{
		"Sid":       tlsOnlySid,
		"Effect":    "Deny",
		"Principal": "*",
		"Action":    "s3:*",
		"Resource":  []string{bucket.arn(), bucket.arn() + "/*"},
		"Condition": map[string]any{"Bool": map[string]string{"aws:SecureTransport": "false"}},
	})
	if err != nil {
		return "", "", err
	}
	if document["Statement"], err = json.Marshal(append(others, own)); err != nil {
		return "", "", err
	}
	whole, err := json.Marshal(document)
	return string(whole), was, err
}

// statementsOf reads the list of statements, which may be a single one without a list around it:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
func statementsOf(raw json.RawMessage) ([]json.RawMessage, error) {
	if trimmed := strings.TrimSpace(string(raw)); strings.HasPrefix(trimmed, "{") {
		return []json.RawMessage{raw}, nil
	}
	var statements []json.RawMessage
	if err := json.Unmarshal(raw, &statements); err != nil {
		return nil, fmt.Errorf("read policy: its statements: %w", err)
	}
	return statements, nil
}

// deniesPlain tells whether a statement denies everybody everything about the bucket unless it comes through TLS. Anything
// in it that could narrow that makes it another statement.
func deniesPlain(statement map[string]any, arn string) bool {
	for key := range statement {
		if !slices.Contains([]string{"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}, key) {
			return false
		}
	}
	principal := statement["Principal"]
	if of, ok := principal.(map[string]any); ok {
		principal = of["AWS"]
	}
	if statement["Effect"] != "Deny" || !slices.Contains(texts(principal), "*") {
		return false
	}
	if actions := texts(statement["Action"]); !slices.Contains(actions, "s3:*") && !slices.Contains(actions, "*") {
		return false
	}
	resources := texts(statement["Resource"])
	all := slices.Contains(resources, "*") || slices.Contains(resources, arn+"*")
	if !all && (!slices.Contains(resources, arn) || !slices.Contains(resources, arn+"/*")) {
		return false
	}
	conditions, _ := statement["Condition"].(map[string]any)
	boolean, _ := conditions["Bool"].(map[string]any)
	if len(conditions) != 1 || len(boolean) != 1 {
		return false
	}
	for key, value := range boolean {
		return strings.EqualFold(key, "aws:SecureTransport") && slices.Equal(texts(value), []string{"false"})
	}
	return false
}

// texts are the values of an element that may be one value or a list.
func texts(value any) []string {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, fmt.Sprint(one))
		}
		return all
	}
	return []string{fmt.Sprint(value)}
}

func (b Bucket) arn() string { return "arn:" + partition(b.Region) + ":s3:::" + b.Name }

// partition is the part of AWS that a region belongs to; an ARN of another one is refused in a policy:
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
func partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
