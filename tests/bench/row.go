package main

import (
	"fmt"
	"strings"
)

// row is one line of the document.
type row struct {
	id, title string
	unit      string
	scale     float64 // of the samples, in units
	more      bool    // more is better
	// ahead is how many times better than bpftrace tracer aims to be, bound how
	// much of the C program's figure it aims to need at most; 0: no aim.
	ahead, bound float64
	beside       string // what the extra column of samples is
	// reason says why the aim is missed where it is, as far as it was measured.
	reason string
}

// section is a table of the document.
type section struct {
	group, title, text string
	rows               []row
}

// Why an aim is missed, as measured by hand with perf, strace and variants of
// the programs.
const (
	reasonRows = "the kernel allocates all 16384 rows of the hash table for each processor beforehand: some 5 ms of processor " +
		"time (strace) that the C program, which has the same table, spends as well."
	reasonHot = "the way through the program is as long as the C program's (tracer plan -show=asm beside llvm-objdump -d): " +
		"a difference of a nanosecond is what this measurement resolves."
	reasonPairs = "both pair by task storage: two clock reads and two look-ups of the storage are most of it. " +
		"tracer also keeps whether the call was entered in a word of its own."
	reasonStream   = "the counter of events for the summary, and the test whether the read failed, which the C program leaves out."
	reasonComm     = "hashing and comparing a key of 16 bytes is most of it, for the C program too (see its column)."
	reasonProducer = "the producer is the limit: without any probe it makes no more than the figure beside the row's name, " +
		"and both tools share two processors with it. bpftrace's figure leaves out what it lost."
	reasonReader = "the C program prints with one printf; tracer's rows are decoded by their types, escaped for the terminal and aligned."
	reasonKeys   = "the program itself is 12 MB of it; a cell is 64 bytes in memory, and a table of 100,000 rows is sorted by its values " +
		"and aligned before it is printed. The C program prints each batch as it comes, unsorted."
	reasonUprobe = "more than half of it is the kernel's: the C program does nothing else, and takes what its column says."
	reasonWait   = "time passed includes waiting for a processor; the processor time in the next row does not."
)

// sections are the document's tables, in order.
func sections() []section {
	return []section{
		{"startup", "Start-up, memory, disk", "From exec to the first instruction of the workload, which each tool starts when all is attached; from the workload's end to the tool's.", startRows()},
		{"event", "One event in the kernel", "Time in BPF programs by the kernel's statistics, less that of an empty program on the same hook: of each run the quickest of ten parts, since what else the host does only adds to it; instructions as the kernel has them, with branches that are hardly ever taken (a full table, a lost record).", eventRows()},
		{"event", "Slowdown of the workload", "Processor time of the workload with the probe, by that without; of each run the quickest of ten parts.", slowRows()},
		{"stream", "Streams", "Rows that arrived in a file, by the time the producer needed at full speed; what the reader could write if it had a processor of its own.", streamRows()},
		{"functions", "Many functions", "Functions of a shared library: tracer by uprobe.multi, the others by a perf event each.", functionRows()},
		{"keys", "100,000 keys", "From the end of the workload to the end of the tool, printing to a file.", []row{
			{id: "keys", title: "read and print 100,000 keys", unit: "ms", scale: 1e6, ahead: 1, reason: reasonKeys},
			{id: "keys memory", title: "peak memory of 100,000 keys", unit: "MB", scale: 1e6, ahead: 3, reason: reasonKeys},
		}},
	}
}

func startRows() []row {
	var rows []row
	for _, name := range startCases {
		title, reason := caseNamed(name).title, reasonWait
		if strings.HasPrefix(name, "count") {
			reason = reasonRows
		}
		rows = append(rows,
			row{id: "start " + name, title: "exec to attached: " + title, unit: "ms", scale: 1e6, ahead: 5, reason: reason},
			row{id: "start cpu " + name, title: "processor time until then: " + title, unit: "ms", scale: 1e6, ahead: 5, reason: strings.TrimPrefix(reason, reasonWait)},
			row{id: "exit " + name, title: "exit: " + title, unit: "ms", scale: 1e6, ahead: 1},
			row{id: "memory " + name, title: "peak memory: " + title, unit: "MB", scale: 1e6, ahead: 3})
	}
	return append(rows, row{id: "disk", title: "size on disk, libraries included", unit: "MB", scale: 1e6, ahead: 1})
}

func eventRows() []row {
	reasons := map[string]string{"latency": reasonPairs, "stream_open": reasonStream, "count_comm": reasonComm, "keyed_hist": reasonComm}
	var rows []row
	for _, c := range eventCases {
		reason, ok := reasons[c.name]
		if !ok {
			reason = reasonHot
		}
		rows = append(rows,
			row{id: "kernel " + c.name, title: c.title, unit: "ns", scale: 1, ahead: 2, bound: 1.1, reason: reason},
			row{id: "instructions " + c.name, title: "instructions: " + c.title, scale: 1})
	}
	return rows
}

func slowRows() []row {
	var rows []row
	for _, c := range eventCases {
		rows = append(rows, row{id: "slowdown " + c.name, title: c.title, unit: "×", scale: 1, beside: "empty program"})
	}
	return rows
}

func streamRows() []row {
	var rows []row
	for _, c := range streamCases {
		rows = append(rows,
			row{id: "rows " + c.name, title: c.title, unit: "1000 rows/s", scale: 1e3, more: true, ahead: 20, beside: "producer without a probe", reason: reasonProducer},
			row{id: "loss " + c.name, title: "lost: " + c.title, unit: "%", scale: 1},
			row{id: "reader " + c.name, title: "reader alone: " + c.title, unit: "1000 rows/s", scale: 1e3, more: true, reason: reasonReader})
	}
	return rows
}

func functionRows() []row {
	var rows []row
	for _, f := range functionCases {
		rows = append(rows,
			row{id: fmt.Sprintf("attach %d", f.n), title: fmt.Sprintf("exec to attached, %d", f.n), unit: "ms", scale: 1e6, ahead: 5, reason: reasonUprobe},
			row{id: fmt.Sprintf("detach %d", f.n), title: fmt.Sprintf("exit, %d", f.n), unit: "ms", scale: 1e6, ahead: 1})
	}
	return rows
}
