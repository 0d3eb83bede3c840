// Package lock tests what happens to an environment when runs are killed, interrupted or meet: with real Terraform and the
// real provider, against the emulator.
//
//	go test -tags rehearsal -timeout 25m -v ./pipeline/rehearsal/lock
package lock
