package cli

import (
	"context"
	"os"
)

// endBySignal gives a context that the first signal ends. A second ends the
// process at once. stop must be called, and waits for the goroutine.
func (a *app) endBySignal(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	if a.env.Notify == nil {
		return ctx, cancel
	}
	signals := make(chan os.Signal, 2)
	silence := a.env.Notify(signals)
	quit, finished := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(finished)
		select {
		case <-signals:
			cancel()
		case <-quit:
			return
		}
		select {
		case <-signals:
			a.env.Abort(ExitInterrupted)
		case <-quit:
		}
	}()
	return ctx, func() {
		silence()
		close(quit)
		<-finished
		cancel()
	}
}
