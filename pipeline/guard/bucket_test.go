package guard

import (
	"encoding/json"
	"fmt"
	"testing"
)

// document is an attribute "policy" with a bucket policy of these statements.
func document(statements string) string {
	text, err := json.Marshal(`{"Version": "2012-10-17", "Statement": ` + statements + `}`)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{"policy": %s}`, text)
}

func TestBucketsMadePublic(t *testing.T) {
	const (
		block   = "aws_s3_bucket_public_access_block.this"
		account = "aws_s3_account_public_access_block.this"
		list    = "aws_s3_bucket_acl.this"
		off     = "what keeps it from being made public is switched off "
	)
	settings := func(acls, policy, ignore, restrict bool) string {
		return fmt.Sprintf(`{"block_public_acls": %t, "block_public_policy": %t, "ignore_public_acls": %t, "restrict_public_buckets": %t}`, acls, policy, ignore, restrict)
	}
	all := settings(true, true, true, true)
	grant := func(uri string) string {
		return `{"access_control_policy": [{"grant": [{"permission": "READ", "grantee": [{"type": "Group", "uri": "` + uri + `"}]}]}]}`
	}
	judged{
		"a block that lets policies through": {[]string{resource(block, update, values(all, settings(true, false, true, false)))},
			[]string{"stops [public] " + block + ": update: " + off + "(block_public_policy: true → false, restrict_public_buckets: true → false)"}},
		"a block that is made open": {[]string{resource(block, create, values(`null`, settings(false, true, true, true)))},
			[]string{"stops [public] " + block + ": create: " + off + "(block_public_acls: (absent) → false)"}},
		"a block that says nothing": {[]string{resource(block, create, values(`null`, `{"bucket": "a"}`))},
			[]string{"stops [public] " + block + ": create: " + off + "(block_public_acls: (absent) → (none), block_public_policy: (absent) → (none), " +
				"ignore_public_acls: (absent) → (none), restrict_public_buckets: (absent) → (none))"}},
		"a block of a bucket that isn't made yet":        {[]string{resource(block, create, values(`null`, all, `{"bucket": true, "id": true}`))}, nil},
		"a block that is replaced, and open as before":   {[]string{resource(block, replace, values(settings(false, true, true, true), settings(false, true, true, true)))}, nil},
		"a block that closes":                            {[]string{resource(block, update, values(settings(false, false, false, false), all))}, nil},
		"an account's block that opens":                  {[]string{resource(account, update, values(all, settings(true, true, true, false)))}, []string{"stops [public] " + account + ": update: " + off + "(restrict_public_buckets: true → false)"}},
		"an account's new block, which had none before":  {[]string{resource(account, create, values(`null`, settings(true, false, true, false)))}, nil},
		"a list for all readers":                         {[]string{resource(list, create, values(`null`, `{"acl": "public-read"}`))}, []string{"stops [public] " + list + `: create: its access control list lets everybody in (acl: (absent) → "public-read")`}},
		"a list that lets more in":                       {[]string{resource(list, update, values(`{"acl": "public-read"}`, `{"acl": "public-read-write"}`))}, []string{"stops [public] " + list + `: update: its access control list lets everybody in (acl: "public-read" → "public-read-write")`}},
		"a list for everybody with an account":           {[]string{resource("aws_s3_bucket.this", update, values(`{"acl": "private"}`, `{"acl": "authenticated-read"}`))}, []string{`stops [public] aws_s3_bucket.this: update: its access control list lets everybody in (acl: "private" → "authenticated-read")`}},
		"an object for all readers":                      {[]string{resource("aws_s3_object.this", create, values(`null`, `{"acl": "public-read"}`))}, []string{`stops [public] aws_s3_object.this: create: its access control list lets everybody in (acl: (absent) → "public-read")`}},
		"a private list":                                 {[]string{resource(list, update, values(`{"acl": "public-read"}`, `{"acl": "private"}`))}, nil},
		"a list for the deliverer of logs":               {[]string{resource(list, create, values(`null`, `{"acl": "log-delivery-write"}`))}, nil},
		"a list that stays":                              {[]string{resource(list, update, values(`{"acl": "public-read"}`, `{"acl": "public-read", "mfa": "1"}`))}, nil},
		"a grant to everybody":                           {[]string{resource(list, create, values(`null`, grant("http://acs.amazonaws.com/groups/global/AllUsers")))}, []string{"stops [public] " + list + ": create: its access control list grants something to AllUsers (READ)"}},
		"a grant that there was":                         {[]string{resource(list, update, values(grant("http://acs.amazonaws.com/groups/global/AllUsers"), grant("http://acs.amazonaws.com/groups/global/AllUsers")))}, nil},
		"a grant to the deliverer of logs":               {[]string{resource(list, create, values(`null`, grant("http://acs.amazonaws.com/groups/s3/LogDelivery")))}, nil},
		"a grant in the bucket's own block":              {[]string{resource("aws_s3_bucket.this", update, values(`{}`, `{"grant": [{"uri": "http://acs.amazonaws.com/groups/global/AuthenticatedUsers", "permissions": ["READ", "WRITE"]}]}`))}, []string{"stops [public] aws_s3_bucket.this: update: its access control list grants something to AuthenticatedUsers (READ)", "stops [public] aws_s3_bucket.this: update: its access control list grants something to AuthenticatedUsers (WRITE)"}},
		"a policy that only the apply tells":             {[]string{resource("aws_s3_bucket_policy.this", create, values(`null`, `{}`, `{"policy": true}`))}, []string{"noted [public] aws_s3_bucket_policy.this: create: its policy isn't known before the apply, so nobody can tell whether it lets everybody in"}},
		"a new bucket, whose policy the provider reads":  {[]string{resource("aws_s3_bucket.this", create, values(`null`, `{}`, `{"policy": true, "acl": true}`))}, nil},
		"a snapshot for every account":                   {[]string{resource("aws_db_snapshot.this", update, values(`{"shared_accounts": ["111111111111"]}`, `{"shared_accounts": ["111111111111", "all"]}`))}, []string{"stops [public] aws_db_snapshot.this: update: every AWS account may restore the snapshot"}},
		"a snapshot for one account":                     {[]string{resource("aws_db_snapshot.this", create, values(`null`, `{"shared_accounts": ["111111111111"]}`))}, nil},
		"values of wrong types":                          {[]string{resource(list, update, values(`{"acl": 1, "grant": {"uri": 1}}`, `{"acl": ["public-read"], "access_control_policy": [1, {"grant": 2}]}`))}, nil},
		"a policy that is no string":                     {[]string{resource("aws_s3_bucket_policy.this", update, values(`{"policy": 1}`, `{"policy": {"Statement": []}}`))}, nil},
		"a policy that is no JSON, which S3 will refuse": {[]string{resource("aws_s3_bucket_policy.this", update, values(`{"policy": "{"}`, `{"policy": "}"}`))}, nil},
	}.test(t)
}

func TestPoliciesThatLetEverybodyIn(t *testing.T) {
	const address = "aws_s3_bucket_policy.this"
	public := func(condition string) string {
		return `[{"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*", "Condition": ` + condition + `}]`
	}
	tests := map[string]struct {
		statements string
		what       string // empty where nobody is let in
	}{
		"everybody":                               {`[{"Sid": "Everyone", "Effect": "Allow", "Principal": "*", "Action": ["s3:GetObject", "s3:PutObject"]}]`, `the statement "Everyone" of its policy allows everybody s3:GetObject, s3:PutObject`},
		"everybody, said otherwise":               {`[{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "s3:*"}]`, "a statement of its policy allows everybody s3:*"},
		"everybody, in a list":                    {`{"Effect": "Allow", "Principal": {"AWS": ["111111111111", "*"]}, "Action": "s3:*"}`, "a statement of its policy allows everybody s3:*"},
		"everybody but one":                       {`[{"Effect": "Allow", "NotPrincipal": {"AWS": "111111111111"}, "NotAction": "s3:*"}]`, "a statement of its policy allows everybody all but some actions"},
		"one account":                             {`[{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "s3:*"}]`, ""},
		"a service":                               {`[{"Effect": "Allow", "Principal": {"Service": "cloudfront.amazonaws.com"}, "Action": "s3:GetObject"}]`, ""},
		"nobody without TLS":                      {`[{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}]`, ""},
		"everybody over TLS":                      {public(`{"Bool": {"aws:SecureTransport": "true"}}`), "a statement of its policy allows everybody s3:GetObject"},
		"everybody with a referer":                {public(`{"StringLike": {"aws:Referer": "https://example.com/*"}}`), "a statement of its policy allows everybody s3:GetObject"},
		"an organisation":                         {public(`{"StringEquals": {"aws:PrincipalOrgID": "o-1"}}`), ""},
		"a key in another case":                   {public(`{"StringEquals": {"AWS:SourceVpce": ["vpce-1", "vpce-2"]}}`), ""},
		"an endpoint or none":                     {public(`{"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}}`), "a statement of its policy allows everybody s3:GetObject"},
		"all but an endpoint":                     {public(`{"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}`), "a statement of its policy allows everybody s3:GetObject"},
		"any organisation":                        {public(`{"StringLike": {"aws:PrincipalOrgID": "o-*"}}`), "a statement of its policy allows everybody s3:GetObject"},
		"one of several values is any":            {public(`{"StringLike": {"aws:SourceAccount": ["111111111111", "*"]}}`), "a statement of its policy allows everybody s3:GetObject"},
		"an office":                               {public(`{"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"]}}`), ""},
		"an address without a length":             {public(`{"IpAddress": {"aws:SourceIp": "203.0.113.7"}}`), ""},
		"the whole internet":                      {public(`{"IpAddress": {"aws:SourceIp": ["0.0.0.0/1", "128.0.0.0/1"]}}`), "a statement of its policy allows everybody s3:GetObject"},
		"distributions of one account":            {public(`{"ArnLike": {"aws:SourceArn": "arn:aws:cloudfront::111111111111:distribution/*"}}`), ""},
		"distributions of any account":            {public(`{"ArnLike": {"aws:SourceArn": "arn:aws:cloudfront::*:distribution/E1"}}`), "a statement of its policy allows everybody s3:GetObject"},
		"a second condition narrows it":           {public(`{"Bool": {"aws:SecureTransport": "true"}, "StringEquals": {"aws:SourceVpc": "vpc-1"}}`), ""},
		"one of several values":                   {public(`{"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": "o-1/r-1/"}}`), ""},
		"all of no values":                        {public(`{"ForAllValues:StringEquals": {"aws:PrincipalOrgPaths": "o-1/r-1/"}}`), "a statement of its policy allows everybody s3:GetObject"},
		"a condition of wrong types":              {public(`{"StringEquals": "aws:SourceVpc"}`), "a statement of its policy allows everybody s3:GetObject"},
		"no values":                               {public(`{"StringEquals": {"aws:SourceVpc": []}}`), "a statement of its policy allows everybody s3:GetObject"},
		"statements of wrong types":               {`[1, {"Effect": ["Allow"], "Principal": "*"}, {"Effect": "Allow", "Principal": 1}]`, ""},
		"no statements":                           {`[]`, ""},
		"a user's variable, which anybody's fits": {public(`{"StringEquals": {"aws:userid": "${aws:userid}"}}`), "a statement of its policy allows everybody s3:GetObject"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			var want []string
			if test.what != "" {
				want = []string{"stops [public] " + address + ": create: " + test.what}
			}
			judged{
				"new":       {[]string{resource(address, create, values(`null`, document(test.statements)))}, want},
				"unchanged": {[]string{resource(address, update, values(document(test.statements), document(test.statements)))}, nil},
				"gone":      {[]string{resource(address, destroy, values(document(test.statements), `null`))}, nil},
			}.test(t)
		})
	}
	judged{
		"what was public gets wider": {
			[]string{resource(address, update, values(document(public(`{}`)), document(`[{"Effect": "Allow", "Principal": "*", "Action": "s3:*"}]`)))},
			[]string{"stops [public] " + address + ": update: a statement of its policy allows everybody s3:*"},
		},
	}.test(t)
}
