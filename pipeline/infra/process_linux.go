package infra

import "syscall"

// processGroup starts a group of its own. Linux kills Terraform when this process is killed, so that none goes on without
// anybody who renews the lease.
func processGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
