// Command golang is a workload in Go, called as those in C are (../harness.h):
//
//	tw-go [-o FILE] [-n COMM] words COUNT        main.words(i, -i, "text", i bytes, 8, 9, 10) for i below COUNT
//	tw-go [-o FILE] [-n COMM] goroutines COUNT   main.worker, COUNT times, started by a thread called COMM
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

var scenarios = map[string]func(count int, comm string) error{
	"words":      callWords,
	"goroutines": goroutines,
}

func main() {
	out := flag.String("o", "", "where to write what was done, if not to standard output")
	comm := flag.String("n", "truth", "the measured thread's name")
	flag.Parse()
	if err := run(*out, *comm, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "tw-go:", err)
		os.Exit(2)
	}
}

func run(out, comm string, args []string) error {
	if len(args) != 2 || scenarios[args[0]] == nil {
		return fmt.Errorf("usage: tw-go [-o FILE] [-n COMM] words|goroutines COUNT")
	}
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	if err := scenarios[args[0]](count, comm); err != nil {
		return err
	}
	truth := fmt.Appendf(nil, "{\"calls\": \"%d\"}\n", count)
	if out == "" {
		_, err := os.Stdout.Write(truth)
		return err
	}
	return os.WriteFile(out, truth, 0o644)
}

func callWords(count int, _ string) error {
	for i := range count {
		if got, want := words(i, int32(-i), "text", make([]byte, i), 8, 9, 10), i+31; got != want {
			return fmt.Errorf("words is %d, not %d", got, want)
		}
	}
	return nil
}

// words has ten words of arguments: nine are in registers on x86_64, and the
// last is not. A function that may split its stack would begin again after that,
// and after it was preempted there.
//
//go:noinline
//go:nosplit
func words(a int, b int32, text string, bytes []byte, h, i, j int) int {
	return a + int(b) + len(text) + len(bytes) + h + i + j
}

// goroutines starts count goroutines from a thread that has the name meanwhile.
// They end before this does.
func goroutines(count int, comm string) error {
	debug.SetGCPercent(-1) // which starts goroutines of its own
	before := runtime.NumGoroutine()
	runtime.LockOSThread()
	if err := rename(comm); err != nil {
		return err
	}
	var wait sync.WaitGroup
	wait.Add(count)
	for range count {
		go worker(&wait)
	}
	if err := rename("done"); err != nil {
		return err
	}
	wait.Wait()
	for runtime.NumGoroutine() > before { // they are done, but may not have ended
		time.Sleep(time.Millisecond)
	}
	return nil
}

func rename(comm string) error {
	b := append([]byte(comm), 0)
	return unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(&b[0])), 0, 0, 0)
}

//go:noinline
func worker(wait *sync.WaitGroup) { wait.Done() }
