//go:build unix && !linux

package infra

import "syscall"

// processGroup starts a group of its own. Terraform outlives this process where that is killed: only Linux can prevent it.
func processGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
