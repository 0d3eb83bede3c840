// Package rehearsal holds the tests of the whole chain on real input: real Terraform, real images, the slipway program, and
// in the place of AWS an emulator that starts real containers. They want Docker and Terraform:
//
//	go test -tags rehearsal -timeout 45m -v -run TestAMigrationThatFails ./pipeline/rehearsal
//
// One environment, made by the first deployment, serves all tests of a run; `make rehearsal` has two runs, one beside the other.
// Each compares what it finds before with what it finds after, so any test runs alone with -run.
package rehearsal
