package main

import (
	"fmt"
	"os"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// redacting says what is hidden beside what Terraform and the configuration mark as sensitive.
type redacting struct {
	Redact []string `sep:"none" placeholder:"VARIABLE" help:"An environment variable whose value is hidden in all that is shown. May be repeated."`
}

// hidden are the values of the variables that --redact names. What is no variable's name is not repeated: somebody may have
// given the secret itself.
func (r redacting) hidden() ([]string, error) {
	var values []string
	for i, name := range r.Redact {
		value := os.Getenv(name)
		if value == "" {
			return nil, &report.Failure{
				Reason: fmt.Sprintf("--redact takes the name of an environment variable, and number %d of them is not set", i+1),
				Effect: "nothing was changed",
				Next:   "put the secret into a variable and name that: an argument list can be read by others",
			}
		}
		values = append(values, value)
	}
	return values, nil
}
