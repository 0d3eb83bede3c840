// Package slipway holds the program's own source, so that the Dagger module can build it wherever the module was loaded
// from. The pipeline itself is in pipeline/.
package slipway

import "embed"

// Source is what `go build ./pipeline/cmd/slipway` needs.
//
//go:embed go.mod go.sum pipeline
var Source embed.FS
