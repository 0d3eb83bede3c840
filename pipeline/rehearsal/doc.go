// Package rehearsal holds the tests of the whole chain on real input: real Terraform, real images, the slipway program, and
// in the place of AWS an emulator that starts real containers. They want Docker, Terraform and about five minutes:
//
//	go test -tags rehearsal -timeout 25m -v ./pipeline/rehearsal
//
// One environment, made by the first deployment, serves all tests. Each compares what it finds before with what it finds
// after, so any of them runs alone with -run.
package rehearsal
