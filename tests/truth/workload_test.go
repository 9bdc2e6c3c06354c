package truth

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The workloads do what they say, without tracer.
func TestWorkloadsAlone(t *testing.T) {
	p := needPrograms(t)
	for _, row := range []struct {
		command string
		want    map[string]string
	}{
		{"tw-syscalls getppid 101 2", map[string]string{"calls": "101"}},
		{"tw-syscalls lseek-mixed 1000 3", map[string]string{"calls": "1000", "sum": text(uint64(sumOfSpread(1000)))}},
		{"tw-syscalls lseek-seq 1001 2 3", map[string]string{"calls": "1001"}},
		{"tw-syscalls lseek-list -1 9223372036854775807 -9223372036854775808", map[string]string{"calls": "3"}},
		{"tw-syscalls clocks 0 -6", map[string]string{"calls": "2"}},
		{"tw-syscalls close -1 -2147483648", map[string]string{"calls": "2"}},
		{"tw-syscalls sizes 10 0 1 100", map[string]string{"calls": "30", "bytes": "1010"}},
		{"tw-syscalls paths 2", map[string]string{"calls": "44"}},
		{"tw-syscalls exits 3", map[string]string{"calls": "3"}},
		{"tw-syscalls refused 3", map[string]string{"calls": "3"}},
		{"tw-events signals 10", map[string]string{"handled": "10", "each": "10"}},
		{"tw-events wakes 10", map[string]string{"wakes": "10"}},
		{"tw-events mallocs 10 100", map[string]string{"calls": "10"}},
		{"tw-events faults 10", map[string]string{"pages": "10"}},
		{"tw-usdt hot 1000 3", map[string]string{"calls": "1000", "sum": text(uint64(sumOfSpread(1000)))}},
		{"tw-usdt counts 2", map[string]string{"rounds": "2"}},
		{"tw-usdt operands 2", map[string]string{"rounds": "2"}},
		{"tw-functions value 1000 3", map[string]string{"calls": "1000", "sum": text(uint64(sumOfSpread(1000)))}},
		{"tw-functions-nopie fib 10 2", map[string]string{"calls": text(2 * (2*fib(11) - 1)), "result": "55"}},
		{"tw-functions-shared jump 9 2", map[string]string{"calls": "18", "returned": "6"}},
		{"tw-functions-late tail 5 2", map[string]string{"calls": "10"}},
		{"tw-go words 20", map[string]string{"calls": "20"}},
		{"tw-go goroutines 20", map[string]string{"calls": "20"}},
		{"tw-functions leave 4", map[string]string{"left": "4", "returned": "4"}},
	} {
		t.Run(row.command, func(t *testing.T) {
			words := strings.Fields(row.command)
			out, err := exec.Command(filepath.Join(p.workloads, words[0]), append([]string{"-n", "alone"}, words[1:]...)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			var truth map[string]any
			if err := json.Unmarshal(out, &truth); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			for name, want := range row.want {
				if truth[name] != want {
					t.Errorf("%s is %v, want %s", name, truth[name], want)
				}
			}
		})
	}
}

func sumOfSpread(n int) (sum int64) {
	for i := range n {
		sum += spread(i)
	}
	return sum
}

func TestCallsOfFib(t *testing.T) {
	var count func(n, k int) int
	count = func(n, k int) int {
		calls := 0
		if n == k {
			calls = 1
		}
		if n >= 2 {
			calls += count(n-1, k) + count(n-2, k)
		}
		return calls
	}
	for k := range 13 {
		if got, want := fibCalls(12, k), count(12, k); got != want {
			t.Errorf("fib(12) calls fib(%d) %d times, fibCalls says %d", k, want, got)
		}
	}
}
