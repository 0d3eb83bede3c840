package main

import (
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHandler(t *testing.T) {
	tests := map[string]struct {
		status int
		holds  string
	}{
		"/":       {200, "Ahoy from the greeter"},
		"/readyz": {200, `{"release":"4b825dc"}`},
		"/else":   {404, ""},
	}
	for path, want := range tests {
		t.Run(path, func(t *testing.T) {
			got := httptest.NewRecorder()
			handler("Ahoy", "4b825dc").ServeHTTP(got, httptest.NewRequest("GET", path, nil))
			if got.Code != want.status || !strings.Contains(got.Body.String(), want.holds) {
				t.Errorf("it answers %d %s", got.Code, got.Body)
			}
		})
	}
}
