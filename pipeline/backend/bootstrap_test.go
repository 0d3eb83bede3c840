package backend

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// cloud is what a bootstrap calls: nothing exists, or all of it as a bootstrap leaves it.
type cloud struct {
	*calls
	bucket *fakeBucket
	keys   *fakeKeys
	tables *fakeTables
}

func emptyCloud() cloud {
	c := &calls{denied: map[string]bool{}, breaks: map[string]error{}}
	return cloud{c, &fakeBucket{calls: c}, &fakeKeys{calls: c}, &fakeTables{calls: c}}
}

func (c cloud) bootstrap(t *testing.T, want Wanted) ([]report.Check, error) {
	t.Helper()
	c.reads, c.writes = nil, nil
	checks, err := (&Bootstrapper{s3: c.bucket, kms: c.keys, table: c.tables}).Bootstrap(t.Context(), want)
	if c.strangers > 0 {
		t.Errorf("%d calls would have been made of anybody's bucket", c.strangers)
	}
	return checks, err
}

// settled is a cloud after a bootstrap with all there is.
func settled(t *testing.T) cloud {
	t.Helper()
	c := emptyCloud()
	if _, err := c.bootstrap(t, everything()); err != nil {
		t.Fatal(err)
	}
	c.reads, c.writes = nil, nil
	return c
}

func wanted() Wanted {
	return Wanted{Bucket: Bucket{Name: "states", Region: "eu-central-1", Account: account}, KeepDays: 90, KeepVersions: 30}
}

func everything() Wanted {
	want := wanted()
	want.Key, want.LockTable = true, "locks"
	return want
}

// sameCall ignores what the SDK keeps for itself in its types.
var sameCall = cmpopts.IgnoreUnexported(
	s3.CreateBucketInput{}, types.CreateBucketConfiguration{}, types.ServerSideEncryptionConfiguration{}, types.ServerSideEncryptionRule{},
	types.ServerSideEncryptionByDefault{}, types.BlockedEncryptionTypes{}, types.PublicAccessBlockConfiguration{}, types.BucketLifecycleConfiguration{},
	types.LifecycleRule{}, types.LifecycleRuleFilter{}, types.NoncurrentVersionExpiration{}, types.LifecycleExpiration{},
	types.AbortIncompleteMultipartUpload{}, types.Tag{}, dynamodb.CreateTableInput{}, dynamodbtypes.AttributeDefinition{},
	dynamodbtypes.KeySchemaElement{}, dynamodbtypes.Tag{},
)

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, sameCall); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestBootstrapOfAnAccountThatHasNothing(t *testing.T) {
	c := emptyCloud()
	checks, err := c.bootstrap(t, everything())
	if err != nil {
		t.Fatal(err)
	}
	same(t, "checks", []report.Check{
		{Subject: "bucket states", Outcome: report.Created, Reason: "in eu-central-1"},
		{Subject: "public access", Outcome: report.Repaired, Reason: "BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets were off, are on"},
		{Subject: "object ownership", Outcome: report.OK, Reason: "BucketOwnerEnforced"},
		{Subject: "TLS only", Outcome: report.Created, Reason: "was not, is"},
		{Subject: "versioning", Outcome: report.Repaired, Reason: "was off, is on"},
		{Subject: "key alias/slipway-state", Outcome: report.Created, Reason: "was missing, is made, with a rotation each year"},
		{Subject: "encryption", Outcome: report.Repaired, Reason: "was SSE-S3, is aws:kms with " + keyARN},
		{Subject: "life cycle", Outcome: report.Created, Reason: "was missing, is old versions go after 90 days, the newest 30 stay"},
		{Subject: "tags", Outcome: report.Repaired, Reason: "ManagedBy=slipway was missing"},
		{Subject: "lock table locks", Outcome: report.Created, Reason: "was missing, is made, paid by request"},
	}, checks)

	same(t, "creation", &s3.CreateBucketInput{
		Bucket: aws.String("states"), ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"},
	}, c.bucket.created)
	same(t, "versioning", types.BucketVersioningStatusEnabled, c.bucket.versioning)
	same(t, "encryption", []types.ServerSideEncryptionRule{{
		ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: "aws:kms", KMSMasterKeyID: aws.String(keyARN)},
		BucketKeyEnabled:                   aws.Bool(true),
	}}, c.bucket.encryption.Rules)
	yes := aws.Bool(true)
	same(t, "public access block", &types.PublicAccessBlockConfiguration{
		BlockPublicAcls: yes, BlockPublicPolicy: yes, IgnorePublicAcls: yes, RestrictPublicBuckets: yes,
	}, c.bucket.access)
	same(t, "policy", document(t, tlsOnly("states")), document(t, c.bucket.policy))
	same(t, "life cycle", []types.LifecycleRule{{
		ID: aws.String("slipway-state"), Status: "Enabled", Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")},
		NoncurrentVersionExpiration:    &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(90), NewerNoncurrentVersions: aws.Int32(30)},
		Expiration:                     &types.LifecycleExpiration{ExpiredObjectDeleteMarker: yes},
		AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(7)},
	}}, c.bucket.lifecycle.Rules)
	same(t, "tags", []types.Tag{{Key: aws.String("ManagedBy"), Value: aws.String("slipway")}}, c.bucket.tags)
	same(t, "lock table", &dynamodb.CreateTableInput{
		TableName: aws.String("locks"), BillingMode: "PAY_PER_REQUEST", DeletionProtectionEnabled: yes,
		AttributeDefinitions: []dynamodbtypes.AttributeDefinition{{AttributeName: aws.String("LockID"), AttributeType: "S"}},
		KeySchema:            []dynamodbtypes.KeySchemaElement{{AttributeName: aws.String("LockID"), KeyType: "HASH"}},
		Tags:                 []dynamodbtypes.Tag{{Key: aws.String("ManagedBy"), Value: aws.String("slipway")}},
	}, c.tables.made)
	same(t, "the key's policy", document(t, `{"Version": "2012-10-17", "Statement": [{"Sid": "IAMDecides", "Effect": "Allow",
		"Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "kms:*", "Resource": "*"}]}`), document(t, *c.keys.made.Policy))
	if !c.keys.rotates {
		t.Error("the key isn't rotated")
	}
}

func TestBootstrapAgainWritesNothing(t *testing.T) {
	for sentence, want := range map[string]Wanted{"with all there is": everything(), "with less than was wanted before": wanted()} {
		t.Run(sentence, func(t *testing.T) {
			c := settled(t)
			checks, err := c.bootstrap(t, want)
			if err != nil {
				t.Fatal(err)
			}
			for _, check := range checks {
				if check.Outcome != report.OK || check.Reason == "" {
					t.Errorf("%s is %s: %q", check.Subject, check.Outcome, check.Reason)
				}
			}
			same(t, "writes", []string(nil), c.writes)
		})
	}
}

// What one bootstrap finds, and what it makes of it. Each case changes one thing in an account where all is right.
func TestWhatDeviatesIsRepairedAndWhatIsMoreStays(t *testing.T) {
	const foreign = "arn:aws:kms:eu-central-1:111111111111:key/chosen"
	day := func(n int32) *types.NoncurrentVersionExpiration {
		return &types.NoncurrentVersionExpiration{NoncurrentDays: &n}
	}
	rule := func(id string, change func(*types.LifecycleRule)) types.LifecycleRule {
		r := types.LifecycleRule{ID: &id, Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")}}
		change(&r)
		return r
	}
	rules := func(c cloud, all ...types.LifecycleRule) {
		c.bucket.lifecycle = &types.BucketLifecycleConfiguration{Rules: all}
	}
	encrypt := func(c cloud, algorithm types.ServerSideEncryption, key string) {
		c.bucket.encryption = &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: algorithm, KMSMasterKeyID: &key},
			BlockedEncryptionTypes:             &types.BlockedEncryptionTypes{EncryptionType: []types.EncryptionType{"SSE-C"}},
		}}}
	}
	tests := map[string]struct {
		change func(cloud)
		want   func(*Wanted)
		// check is the row of the subject, and writes is everything that was written.
		check  report.Check
		writes []string
		// then looks at what is there afterwards.
		then func(*testing.T, cloud)
	}{
		"versioning was never on": {
			change: func(c cloud) { c.bucket.versioning = "" },
			check:  report.Check{Subject: "versioning", Outcome: report.Repaired, Reason: "was off, is on"},
			writes: []string{"PutBucketVersioning"},
		},
		"versioning was suspended": {
			change: func(c cloud) { c.bucket.versioning = types.BucketVersioningStatusSuspended },
			check:  report.Check{Subject: "versioning", Outcome: report.Repaired, Reason: "was suspended, is on"},
			writes: []string{"PutBucketVersioning"},
			then: func(t *testing.T, c cloud) {
				same(t, "versioning", types.BucketVersioningStatusEnabled, c.bucket.versioning)
			},
		},
		"one of the four blocks is open": {
			change: func(c cloud) { c.bucket.access.RestrictPublicBuckets = aws.Bool(false) },
			check:  report.Check{Subject: "public access", Outcome: report.Repaired, Reason: "RestrictPublicBuckets were off, are on"},
			writes: []string{"PutPublicAccessBlock"},
		},
		"a bucket from before ownership could be set": {
			change: func(c cloud) { c.bucket.ownership = "" },
			check:  report.Check{Subject: "object ownership", Outcome: report.Repaired, Reason: "was ObjectWriter, is BucketOwnerEnforced"},
			writes: []string{"PutBucketOwnershipControls"},
		},
		"ACLs are on": {
			change: func(c cloud) { c.bucket.ownership = types.ObjectOwnershipBucketOwnerPreferred },
			check:  report.Check{Subject: "object ownership", Outcome: report.Repaired, Reason: "was BucketOwnerPreferred, is BucketOwnerEnforced"},
			writes: []string{"PutBucketOwnershipControls"},
		},
		"there is no default encryption": {
			change: func(c cloud) { c.bucket.encryption = nil },
			want:   func(w *Wanted) { w.Key = false },
			check:  report.Check{Subject: "encryption", Outcome: report.Repaired, Reason: "was none, is SSE-S3"},
			writes: []string{"PutBucketEncryption"},
			then: func(t *testing.T, c cloud) {
				same(t, "encryption", sseS3, c.bucket.encryption)
			},
		},
		"a key that somebody chose stays": {
			change: func(c cloud) { encrypt(c, types.ServerSideEncryptionAwsKms, foreign) },
			want:   func(w *Wanted) { w.Key = false },
			check:  report.Check{Subject: "encryption", Outcome: report.OK, Reason: "aws:kms with " + foreign},
		},
		"a key that somebody chose stays, though one is wanted": {
			change: func(c cloud) { encrypt(c, types.ServerSideEncryptionAwsKmsDsse, foreign) },
			check:  report.Check{Subject: "encryption", Outcome: report.OK, Reason: "aws:kms:dsse with " + foreign},
		},
		"no key is made beside one that somebody chose": {
			change: func(c cloud) { encrypt(c, types.ServerSideEncryptionAwsKms, foreign); c.keys.key = nil },
			check:  report.Check{Subject: "key alias/slipway-state", Outcome: report.OK, Reason: "not used: the bucket has a key that somebody chose"},
		},
		"AWS's own KMS key gives way to one that is wanted, and the rest of the rule stays": {
			change: func(c cloud) { encrypt(c, types.ServerSideEncryptionAwsKms, "") },
			check:  report.Check{Subject: "encryption", Outcome: report.Repaired, Reason: "was aws:kms with AWS's own key, is aws:kms with " + keyARN},
			writes: []string{"PutBucketEncryption"},
			then: func(t *testing.T, c cloud) {
				same(t, "blocked types", []types.EncryptionType{"SSE-C"}, c.bucket.encryption.Rules[0].BlockedEncryptionTypes.EncryptionType)
			},
		},
		"the key may be named by its id": {
			change: func(c cloud) { encrypt(c, types.ServerSideEncryptionAwsKms, "own") },
			check:  report.Check{Subject: "encryption", Outcome: report.OK, Reason: "aws:kms with own"},
		},
		"the key may be named by its alias": {
			change: func(c cloud) {
				encrypt(c, types.ServerSideEncryptionAwsKms, "arn:aws:kms:eu-central-1:111111111111:alias/slipway-state")
			},
			check: report.Check{Subject: "encryption", Outcome: report.OK, Reason: "aws:kms with arn:aws:kms:eu-central-1:111111111111:alias/slipway-state"},
		},
		"the key isn't rotated": {
			change: func(c cloud) { c.keys.rotates = false },
			check:  report.Check{Subject: "key alias/slipway-state", Outcome: report.Repaired, Reason: "rotation was off, is on"},
			writes: []string{"EnableKeyRotation"},
		},
		"the key can't be rotated": {
			change: func(c cloud) { c.keys.cannot = true },
			check:  report.Check{Subject: "key alias/slipway-state", Outcome: report.OK, Reason: keyARN + ", whose material KMS can't rotate"},
		},
		"a policy without the statement keeps its own": {
			change: func(c cloud) {
				c.bucket.policy = `{"Id": "ours", "Version": "2008-10-17", "Statement": {"Sid": "Auditors", "Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::states/*"}}`
			},
			check:  report.Check{Subject: "TLS only", Outcome: report.Repaired, Reason: "was not, is; the policy's other statements (1) stay"},
			writes: []string{"PutBucketPolicy"},
			then: func(t *testing.T, c cloud) {
				same(t, "policy", document(t, `{"Id": "ours", "Version": "2008-10-17", "Statement": [
					{"Sid": "Auditors", "Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::states/*"},
					`+tlsOnlyStatement("states")+`]}`), document(t, c.bucket.policy))
			},
		},
		"a statement that was weakened is made anew, beside the others": {
			change: func(c cloud) {
				c.bucket.policy = strings.NewReplacer(`"s3:*"`, `"s3:PutObject"`, `"Statement": [`, `"Statement": [{"Sid": "More", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": "*"},`).
					Replace(tlsOnly("states"))
			},
			check:  report.Check{Subject: "TLS only", Outcome: report.Repaired},
			writes: []string{"PutBucketPolicy"},
			then: func(t *testing.T, c cloud) {
				same(t, "policy", document(t, `{"Version": "2012-10-17", "Statement": [
					{"Sid": "More", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": "*"},
					`+tlsOnlyStatement("states")+`]}`), document(t, c.bucket.policy))
			},
		},
		"somebody's own statement that says the same is enough": {
			change: func(c cloud) {
				c.bucket.policy = `{"Version": "2012-10-17", "Statement": [{"Sid": "AllowSSLRequestsOnly", "Effect": "Deny", "Principal": {"AWS": ["*"]}, "Action": ["s3:*"],
					"Resource": ["arn:aws:s3:::states/*", "arn:aws:s3:::states"], "Condition": {"Bool": {"AWS:SecureTransport": false}}}]}`
			},
			check: report.Check{Subject: "TLS only", Outcome: report.OK, Reason: `by statement "AllowSSLRequestsOnly" of 1`},
		},
		"a policy that isn't JSON is left alone": {
			change: func(c cloud) { c.bucket.policy = "Version: 2012-10-17" },
			check:  report.Check{Subject: "TLS only", Outcome: report.Refused, Reason: "read policy: invalid character 'V' looking for beginning of value"},
		},
		"old versions went too early": {
			change: func(c cloud) {
				c.bucket.lifecycle.Rules[0].NoncurrentVersionExpiration = &types.NoncurrentVersionExpiration{NoncurrentDays: aws.Int32(7), NewerNoncurrentVersions: aws.Int32(100)}
			},
			check:  report.Check{Subject: "life cycle", Outcome: report.Repaired, Reason: "was old versions go after 7 days, the newest 100 stay, is old versions go after 90 days, the newest 100 stay"},
			writes: []string{"PutBucketLifecycleConfiguration"},
		},
		"old versions stay longer": {
			change: func(c cloud) {
				c.bucket.lifecycle.Rules[0].NoncurrentVersionExpiration.NoncurrentDays = aws.Int32(3650)
			},
			check: report.Check{Subject: "life cycle", Outcome: report.OK, Reason: "old versions go after 3650 days, the newest 30 stay"},
		},
		"old versions stay for ever": {
			change: func(c cloud) { c.bucket.lifecycle.Rules[0].NoncurrentVersionExpiration = nil },
			check:  report.Check{Subject: "life cycle", Outcome: report.OK, Reason: "old versions stay"},
		},
		"the rule was disabled": {
			change: func(c cloud) { c.bucket.lifecycle.Rules[0].Status = types.ExpirationStatusDisabled },
			check:  report.Check{Subject: "life cycle", Outcome: report.OK, Reason: `rule "slipway-state" is disabled: nothing is ever deleted`},
		},
		"the rule deleted states that are in use": {
			change: func(c cloud) {
				c.bucket.lifecycle.Rules[0].Expiration = &types.LifecycleExpiration{Days: aws.Int32(30)}
			},
			check:  report.Check{Subject: "life cycle", Outcome: report.Repaired, Reason: "was objects go after 30 days, is old versions go after 90 days, the newest 30 stay"},
			writes: []string{"PutBucketLifecycleConfiguration"},
		},
		"broken uploads stayed": {
			change: func(c cloud) { c.bucket.lifecycle.Rules[0].AbortIncompleteMultipartUpload = nil },
			check:  report.Check{Subject: "life cycle", Outcome: report.Repaired, Reason: "was old versions go after 90 days, the newest 30 stay, is old versions go after 90 days, the newest 30 stay"},
			writes: []string{"PutBucketLifecycleConfiguration"},
		},
		"somebody's rules stay, and so does what they said of transitions": {
			change: func(c cloud) {
				rules(c, rule("logs", func(r *types.LifecycleRule) {
					r.Filter.Prefix, r.Expiration = aws.String("logs/"), &types.LifecycleExpiration{Days: aws.Int32(30)}
				}))
				c.bucket.transition = types.TransitionDefaultMinimumObjectSizeVariesByStorageClass
			},
			check:  report.Check{Subject: "life cycle", Outcome: report.Created, Reason: "was missing, is old versions go after 90 days, the newest 30 stay"},
			writes: []string{"PutBucketLifecycleConfiguration"},
			then: func(t *testing.T, c cloud) {
				var ids []string
				for _, rule := range c.bucket.lifecycle.Rules {
					ids = append(ids, *rule.ID)
				}
				same(t, "rules", []string{"logs", "slipway-state"}, ids)
				same(t, "transition", types.TransitionDefaultMinimumObjectSizeVariesByStorageClass, c.bucket.transition)
			},
		},
		"somebody's own rule for old versions is enough": {
			change: func(c cloud) {
				rules(c, rule("seven years", func(r *types.LifecycleRule) { r.Filter, r.NoncurrentVersionExpiration = nil, day(2557) }))
			},
			check: report.Check{Subject: "life cycle", Outcome: report.OK, Reason: `rule "seven years": old versions go after 2557 days`},
		},
		"somebody's rule that is disabled is no rule": {
			change: func(c cloud) {
				rules(c, rule("off", func(r *types.LifecycleRule) {
					r.Status, r.Expiration = "Disabled", &types.LifecycleExpiration{Days: aws.Int32(1)}
				}))
			},
			check:  report.Check{Subject: "life cycle", Outcome: report.Created, Reason: "was missing, is old versions go after 90 days, the newest 30 stay"},
			writes: []string{"PutBucketLifecycleConfiguration"},
		},
		"somebody's rule deletes states that are in use": {
			change: func(c cloud) {
				rules(c, rule("tidy", func(r *types.LifecycleRule) {
					r.Expiration = &types.LifecycleExpiration{Date: aws.Time(time.Unix(0, 0))}
				}))
			},
			check: report.Check{Subject: "life cycle", Outcome: report.Refused,
				Reason: `rule "tidy" deletes what is current, states among it: objects go on 1970-01-01; take it away or bound it to a prefix without states`},
		},
		"somebody's tags stay": {
			change: func(c cloud) {
				c.bucket.tags = []types.Tag{{Key: aws.String("ManagedBy"), Value: aws.String("terraform")}, {Key: aws.String("Team"), Value: aws.String("web")}}
			},
			want:   func(w *Wanted) { w.Tags = map[string]string{"Team": "platform", "Cost": "42"} },
			check:  report.Check{Subject: "tags", Outcome: report.Repaired, Reason: "Cost=42 was missing, Team was web, is platform"},
			writes: []string{"PutBucketTagging"},
			then: func(t *testing.T, c cloud) {
				got := map[string]string{}
				for _, tag := range c.bucket.tags {
					got[*tag.Key] = *tag.Value
				}
				same(t, "tags", map[string]string{"ManagedBy": "terraform", "Team": "platform", "Cost": "42"}, got)
			},
		},
		"the lock table wasn't protected": {
			change: func(c cloud) { c.tables.table = tableOf(false, "LockID", "S") },
			check:  report.Check{Subject: "lock table locks", Outcome: report.Repaired, Reason: "was not protected from deletion, is"},
			writes: []string{"UpdateTable"},
		},
		"the lock table has another key": {
			change: func(c cloud) { c.tables.table = tableOf(true, "id", "N") },
			check: report.Check{Subject: "lock table locks", Outcome: report.Refused,
				Reason: "its key is id (N), and Terraform's is LockID (S); a key can't be changed: name another table"},
		},
		"the key is going to be deleted": {
			change: func(c cloud) { c.keys.key.KeyState = "PendingDeletion" },
			check: report.Check{Subject: "key alias/slipway-state", Outcome: report.Refused,
				Reason: "the key " + keyARN + " is PendingDeletion: states can be neither written nor, if it encrypts them, read; cancel its deletion or enable it"},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			c, want := settled(t), everything()
			test.change(c)
			if test.want != nil {
				test.want(&want)
			}
			checks, err := c.bootstrap(t, want)
			if refused := test.check.Outcome == report.Refused; (err != nil) != refused {
				t.Errorf("error %v", err)
			}
			var found bool
			for _, check := range checks {
				if check.Subject != test.check.Subject {
					if check.Outcome != report.OK {
						t.Errorf("%s is %s: %s", check.Subject, check.Outcome, check.Reason)
					}
					continue
				}
				found = true
				if test.check.Reason == "" {
					check.Reason = ""
				}
				same(t, "check", test.check, check)
			}
			if !found {
				t.Errorf("there is no row %s", test.check.Subject)
			}
			same(t, "writes", test.writes, c.writes)
			if test.then != nil {
				test.then(t, c)
			}
			if test.check.Outcome == report.Repaired || test.check.Outcome == report.Created {
				if _, err := c.bootstrap(t, want); err != nil {
					t.Errorf("the next time: %v", err)
				}
				same(t, "writes of the next time", []string(nil), c.writes)
			}
		})
	}
}

func TestWhoseBucketIsRefused(t *testing.T) {
	tests := map[string]struct {
		change func(cloud)
		want   *report.Failure
	}{
		"another account's, or one that may not be listed": {
			change: func(c cloud) { c.bucket.head = status(http.StatusForbidden, nil) },
			want: &report.Failure{
				Reason: "the credentials may not use the state bucket states, or it belongs to another account than 111111111111",
				Effect: "nothing was changed",
				Next:   "allow s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject on it (docs/iam.md), or name another with --state-bucket",
			},
		},
		"one of another region": {
			change: func(c cloud) {
				c.bucket.head = status(http.StatusMovedPermanently, http.Header{"X-Amz-Bucket-Region": {"us-west-2"}})
			},
			want: &report.Failure{
				Reason: "the state bucket states is in us-west-2, not in eu-central-1",
				Effect: "nothing was changed",
				Next:   "give the region of the environment with --region, and a state bucket of that region",
			},
		},
		"one whose name another account has taken": {
			change: func(c cloud) { c.breaks["CreateBucket"] = &types.BucketAlreadyExists{} },
			want: &report.Failure{
				Reason: "the name states is taken: a bucket of another account than 111111111111 has it",
				Effect: "nothing was changed",
				Next:   "name another with --state-bucket, here and wherever you plan and apply",
			},
		},
		"one that may not be made": {
			change: func(c cloud) { c.denied["CreateBucket"] = true },
			want: &report.Failure{
				Reason: "there is no state bucket states, and the credentials may not make it",
				Cause:  "api error AccessDenied: not now",
				Effect: "nothing was changed",
				Next:   "allow s3:CreateBucket and what else a bootstrap needs (docs/iam.md)",
			},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			c := emptyCloud()
			test.change(c)
			checks, err := c.bootstrap(t, everything())
			failure, _ := errors.AsType[*report.Failure](err)
			if diff := cmp.Diff(test.want, failure, cmpopts.IgnoreUnexported(report.Failure{})); diff != "" {
				t.Errorf("failure (-want +got):\n%s", diff)
			}
			same(t, "checks", []report.Check(nil), checks)
			for _, call := range c.writes {
				if call != "CreateBucket" {
					t.Errorf("it went on to %s", call)
				}
			}
		})
	}
}

func TestANameThatNoBucketCanHave(t *testing.T) {
	for _, name := range []string{"My_States", "ab", "-states", strings.Repeat("a", 64)} {
		c, want := emptyCloud(), wanted()
		want.Name = name
		if _, err := c.bootstrap(t, want); err == nil || !strings.Contains(err.Error(), "can't be the name of a bucket") {
			t.Errorf("%s: error %v", name, err)
		}
		same(t, "calls", []string(nil), append(c.reads, c.writes...))
	}
}

// Every permission that a bootstrap needs, missing by itself: the row names it, all other rows are made all the same, and
// the failure says what was done.
func TestAPermissionThatIsMissingIsNamedAndTheRestIsDone(t *testing.T) {
	tests := map[string]struct{ subject, permission string }{
		"GetBucketVersioning":             {"versioning", "s3:GetBucketVersioning"},
		"PutBucketVersioning":             {"versioning", "s3:PutBucketVersioning"},
		"GetBucketEncryption":             {"encryption", "s3:GetEncryptionConfiguration"},
		"PutBucketEncryption":             {"encryption", "s3:PutEncryptionConfiguration"},
		"GetPublicAccessBlock":            {"public access", "s3:GetBucketPublicAccessBlock"},
		"PutPublicAccessBlock":            {"public access", "s3:PutBucketPublicAccessBlock"},
		"GetBucketOwnershipControls":      {"object ownership", "s3:GetBucketOwnershipControls"},
		"GetBucketPolicy":                 {"TLS only", "s3:GetBucketPolicy"},
		"PutBucketPolicy":                 {"TLS only", "s3:PutBucketPolicy"},
		"GetBucketLifecycleConfiguration": {"life cycle", "s3:GetLifecycleConfiguration"},
		"PutBucketLifecycleConfiguration": {"life cycle", "s3:PutLifecycleConfiguration"},
		"GetBucketTagging":                {"tags", "s3:GetBucketTagging"},
		"PutBucketTagging":                {"tags", "s3:PutBucketTagging"},
		"DescribeKey":                     {"key alias/slipway-state", "kms:DescribeKey"},
		"CreateKey":                       {"key alias/slipway-state", "kms:CreateKey"},
		"EnableKeyRotation":               {"key alias/slipway-state", "kms:EnableKeyRotation"},
		"DescribeTable":                   {"lock table locks", "dynamodb:DescribeTable"},
		"CreateTable":                     {"lock table locks", "dynamodb:CreateTable"},
	}
	for call, test := range tests {
		t.Run(call, func(t *testing.T) {
			c := emptyCloud()
			c.denied[call] = true
			checks, err := c.bootstrap(t, everything())
			failure, ok := errors.AsType[*report.Failure](err)
			if !ok {
				t.Fatalf("error %v", err)
			}
			if len(checks) != 10 {
				t.Errorf("%d rows, want 10", len(checks))
			}
			for _, check := range checks {
				if check.Subject == test.subject && (check.Outcome != report.Refused ||
					!strings.Contains(check.Reason, test.permission) || !strings.Contains(check.Reason, " is denied: ")) {
					t.Errorf("%s is %s: %s, want one that names %s", check.Subject, check.Outcome, check.Reason, test.permission)
				}
				if check.Outcome == report.Refused && !strings.Contains(strings.Join(failure.Evidence, "\n"), check.Reason) {
					t.Errorf("the failure doesn't tell of %s", check.Subject)
				}
			}
			if !strings.Contains(failure.Effect, "made bucket states") {
				t.Errorf("effect %q doesn't tell of what was done", failure.Effect)
			}
			delete(c.denied, call)
			if _, err := c.bootstrap(t, everything()); err != nil {
				t.Errorf("with the permission: %v", err)
			}
		})
	}
}

func TestWhoLosesARace(t *testing.T) {
	tests := map[string]struct {
		change  func(cloud)
		subject string
		want    report.CheckOutcome
	}{
		"for the bucket":     {func(c cloud) { c.bucket.quick = true }, "bucket states", report.OK},
		"for the key":        {func(c cloud) { c.keys.quick = true }, "key alias/slipway-state", report.Created},
		"for the lock table": {func(c cloud) { c.tables.quick = true }, "lock table locks", report.Created},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			c := emptyCloud()
			test.change(c)
			checks, err := c.bootstrap(t, everything())
			if err != nil {
				t.Fatal(err)
			}
			for _, check := range checks {
				if check.Subject == test.subject && check.Outcome != test.want {
					t.Errorf("%s is %s: %s", check.Subject, check.Outcome, check.Reason)
				}
			}
			if c.keys.quick {
				same(t, "keys deleted", []string{"own"}, c.keys.deleted)
				same(t, "encryption", "arn:aws:kms:eu-central-1:111111111111:key/faster",
					*c.bucket.encryption.Rules[0].ApplyServerSideEncryptionByDefault.KMSMasterKeyID)
			}
		})
	}
}

func TestAKeyThatGetsNoAliasIsNotLeftBehind(t *testing.T) {
	for sentence, stays := range map[string]bool{"it is deleted": false, "it can't be deleted, and is named": true} {
		t.Run(sentence, func(t *testing.T) {
			c := emptyCloud()
			c.denied["CreateAlias"], c.denied["ScheduleKeyDeletion"] = true, stays
			_, err := c.bootstrap(t, everything())
			failure, _ := errors.AsType[*report.Failure](err)
			same(t, "keys deleted", []string{"own"}, c.keys.deleted)
			if failure == nil || strings.Contains(strings.Join(failure.Evidence, "\n"), keyARN) != stays {
				t.Errorf("failure %+v", failure)
			}
		})
	}
}

func TestTheOneRegionThatMayNotBeNamedIsNot(t *testing.T) {
	c, want := emptyCloud(), wanted()
	want.Region = "us-east-1"
	if _, err := c.bootstrap(t, want); err != nil {
		t.Fatal(err)
	}
	if c.bucket.created.CreateBucketConfiguration != nil {
		t.Errorf("constraint %v", c.bucket.created.CreateBucketConfiguration)
	}
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
func TestTheArnsOfThePoliciesAreOfTheRegionsPartition(t *testing.T) {
	for region, partition := range map[string]string{"eu-central-1": "aws", "us-gov-west-1": "aws-us-gov", "cn-north-1": "aws-cn"} {
		c, want := emptyCloud(), everything()
		want.Region = region
		if _, err := c.bootstrap(t, want); err != nil {
			t.Fatal(err)
		}
		if bucket := "arn:" + partition + ":s3:::states"; !strings.Contains(c.bucket.policy, `["`+bucket+`","`+bucket+`/*"]`) {
			t.Errorf("policy in %s: %s", region, c.bucket.policy)
		}
		if root := "arn:" + partition + ":iam::111111111111:root"; !strings.Contains(*c.keys.made.Policy, root) {
			t.Errorf("key's policy in %s: %s", region, *c.keys.made.Policy)
		}
	}
}

func TestACancelledBootstrapStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := settled(t)
	_, err := (&Bootstrapper{s3: c.bucket, kms: c.keys, table: c.tables}).Bootstrap(ctx, everything())
	if !errors.Is(err, context.Canceled) || len(c.reads) > 2 {
		t.Errorf("error %v after %v", err, c.reads)
	}
}

// What narrows a statement makes it another one: a bucket with only that takes plain requests.
func TestWhichStatementsRefusePlainRequests(t *testing.T) {
	const arn = "arn:aws:s3:::states"
	tests := map[string]struct {
		statement string
		want      bool
	}{
		"as a bootstrap makes it":         {tlsOnlyStatement("states"), true},
		"of all actions and resources":    {`{"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}`, true},
		"a list with one value":           {`{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::states*", "Condition": {"Bool": {"aws:SecureTransport": ["false"]}}}`, true},
		"it allows":                       {`{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}`, false},
		"of one principal":                {`{"Effect": "Deny", "Principal": {"AWS": "222222222222"}, "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}`, false},
		"of one action":                   {`{"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}`, false},
		"of the bucket without objects":   {`{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::states", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}`, false},
		"of another bucket":               {strings.ReplaceAll(tlsOnlyStatement("states"), ":states", ":others"), false},
		"of one more condition":           {`{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}, "StringEquals": {"aws:SourceVpc": "vpc-1"}}}`, false},
		"of one more key":                 {`{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false", "aws:ViaAWSService": "false"}}}`, false},
		"of the other value":              {`{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "true"}}}`, false},
		"with an exception of actions":    {`{"Effect": "Deny", "Principal": "*", "NotAction": "s3:GetObject", "Action": "s3:*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}`, false},
		"without a condition":             {`{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*"}`, false},
		"a condition of another operator": {`{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*", "Condition": {"BoolIfExists": {"aws:SecureTransport": "false"}}}`, false},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			var statement map[string]any
			if err := json.Unmarshal([]byte(test.statement), &statement); err != nil {
				t.Fatal(err)
			}
			if got := deniesPlain(statement, arn); got != test.want {
				t.Errorf("deniesPlain = %t", got)
			}
		})
	}
}

func TestCheckLockTable(t *testing.T) {
	tests := map[string]struct {
		table  *dynamodbtypes.TableDescription
		change func(*calls)
		want   *report.Failure
		said   []string
	}{
		"a table for locks": {table: tableOf(true, "LockID", "S")},
		"no table": {want: &report.Failure{
			Reason: "there is no lock table locks in eu-central-1", Effect: "nothing was changed",
			Next: "make it with bootstrap --lock-table locks, or go without: the lock file in the bucket is enough",
		}},
		"a table of another key": {table: tableOf(true, "Lock", "S"), want: &report.Failure{
			Reason: "the table locks can't hold locks: its key is Lock (S), and Terraform's is LockID (S)", Effect: "nothing was changed",
			Next: "name another with --lock-table, which bootstrap makes, or go without: the lock file in the bucket is enough",
		}},
		"a table of another type of key": {table: tableOf(true, "LockID", "N"), want: &report.Failure{
			Reason: "the table locks can't hold locks: its key is LockID (N), and Terraform's is LockID (S)", Effect: "nothing was changed",
			Next: "name another with --lock-table, which bootstrap makes, or go without: the lock file in the bucket is enough",
		}},
		"nobody may look": {
			change: func(c *calls) { c.breaks["DescribeTable"] = answer("AccessDeniedException") },
			said:   []string{"whether the lock table locks can hold locks can't be seen: dynamodb:DescribeTable is denied"},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			c := emptyCloud()
			c.tables.table = test.table
			if test.change != nil {
				test.change(c.calls)
			}
			var said []string
			err := CheckLockTable(t.Context(), c.tables, "locks", "eu-central-1", func(line string) { said = append(said, line) })
			failure, _ := errors.AsType[*report.Failure](err)
			if diff := cmp.Diff(test.want, failure, cmpopts.IgnoreUnexported(report.Failure{})); diff != "" {
				t.Errorf("failure (-want +got):\n%s", diff)
			}
			if (err != nil) != (test.want != nil) {
				t.Errorf("error %v", err)
			}
			same(t, "said", test.said, said)
		})
	}
}

// The codes must be the SDK's own errors on the wire, not only in a fake.
func TestWhoOwnsABucketOnTheWire(t *testing.T) {
	for code, want := range map[string]string{"BucketAlreadyOwnedByYou": "", "BucketAlreadyExists": "is taken"} {
		t.Run(code, func(t *testing.T) {
			made := false
			s3 := client(t, func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == http.MethodHead && !made:
					w.WriteHeader(http.StatusNotFound)
				case r.Method == http.MethodPut:
					made = true
					w.WriteHeader(http.StatusConflict)
					w.Write([]byte(`<Error><Code>` + code + `</Code><Message>x</Message></Error>`))
				}
			})
			_, err := (&Bootstrapper{s3: s3}).bucket(t.Context(), wanted().Bucket)
			if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("error %v, want %q", err, want)
			}
		})
	}
}

// tlsOnlyStatement is the statement that a bootstrap owns.
func tlsOnlyStatement(bucket string) string {
	return `{"Sid": "TLSOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
		"Resource": ["arn:aws:s3:::` + bucket + `", "arn:aws:s3:::` + bucket + `/*"], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}`
}

func tlsOnly(bucket string) string {
	return `{"Version": "2012-10-17", "Statement": [` + tlsOnlyStatement(bucket) + `]}`
}

func document(t *testing.T, policy string) any {
	t.Helper()
	var document any
	if err := json.Unmarshal([]byte(policy), &document); err != nil {
		t.Fatalf("%v: %s", err, policy)
	}
	return document
}
