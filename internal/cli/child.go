package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// patience is how long a command may take to end after SIGTERM.
const patience = 5 * time.Second

// child is the command of -c. The zero child never ends.
type child struct {
	cmd   *exec.Cmd
	done  chan struct{} // closed when it has ended
	err   error         // of Wait, after done
	asked bool          // tracing ended first, and it was asked to end
}

// settle lets Go try the kernel's pidfds, for which it starts a process, before
// tracing begins: else that would be among the processes that are traced.
func settle() {
	if p, err := os.FindProcess(os.Getpid()); err == nil {
		_ = p.Release()
	}
}

// startCommand runs the command of -c, if there is one.
func (r *run) startCommand() (*child, error) {
	if r.opts.command == "" {
		return &child{}, nil
	}
	c := &child{cmd: exec.Command("/bin/sh", "-c", r.opts.command), done: make(chan struct{})}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr, c.cmd.Env = r.streams.In, r.streams.Out, r.streams.Err, r.env.Environ
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("run the command of -c: %w", err)
	}
	// stop waits for this goroutine.
	go func() {
		c.err = c.cmd.Wait()
		close(c.done)
	}()
	return c, nil
}

// ended says that there was a command and that it has ended.
func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// stop waits for the command's end, and brings it about if need be.
func (c *child) stop() {
	if c.cmd == nil || c.ended() {
		return
	}
	c.asked = true
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-c.done:
	case <-timer.C:
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

// tell reports how the command ended.
func (c *child) tell(a *app) {
	if c.cmd == nil {
		return
	}
	state := c.cmd.ProcessState
	status, ok := state.Sys().(syscall.WaitStatus)
	var failed *exec.ExitError
	switch {
	case c.err != nil && !errors.As(c.err, &failed):
		a.say("The command could not be waited for: %v.", c.err)
	case ok && status.Signaled() && c.asked:
		a.say("The command was ended with tracing (%s).", status.Signal())
	case ok && status.Signaled():
		a.say("The command was ended by a signal: %s.", status.Signal())
	default:
		a.say("The command ended with exit code %d.", state.ExitCode())
	}
}
