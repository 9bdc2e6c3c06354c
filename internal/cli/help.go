package cli

const rootHelp = `A spec says what to observe: probes, the values to read, the tables to make.
tracer plans, compiles and attaches it, and prints what comes out.

Begin with:
  tracer list syscall 'open*'        what can be probed here
  tracer describe syscall openat     what a probe there can read
  tracer validate opens.hcl          check a spec, without privileges
  tracer plan opens.hcl              what would be attached, without doing it
  tracer apply opens.hcl             do it, until Ctrl-C
  tracer catalog list                specs that come with tracer

Exit codes: 0 done; 1 an error in the spec or at run time; 2 wrong use;
130 ended by a second Ctrl-C.`

const completionHelp = `Prints a script that completes tracer's commands and options.

  source <(tracer completion bash)                              bash, in ~/.bashrc
  source <(tracer completion zsh)                               zsh, in ~/.zshrc
  tracer completion fish > ~/.config/fish/completions/tracer.fish`

const applyHelp = `Plans, loads and attaches the spec, and reports until Ctrl-C, until -d has
passed or until the command of -c has ended. SPEC is a file, a directory (all its
*.hcl files are one spec), "-" (standard input) or catalog:NAME. Several SPECs
run as one: their probes run together, and their names must differ.

The first Ctrl-C (also SIGTERM, SIGHUP) detaches and prints the tables and the
summary, with exit code 0; a second ends at once, with 130.

-c runs its command with "sh -c" after everything is attached. Its output passes
through, and its exit code is reported on standard error; tracer's own exit code
stays 0 if tracing went well. If tracing ends first, the command is asked to end
(SIGTERM). Events of other processes are reported as well, unless the spec or -p
says otherwise.

Examples:
  tracer apply opens.hcl
  tracer apply -d 10s -o json opens.hcl
  tracer apply -c 'make -j2' -var min=1ms build.hcl
  tracer apply -p 4711 catalog:execsnoop`

const planHelp = `Shows everything apply would do, and does none of it: the targets of every
probe, how each is attached and why, the size of the programs, the memory of the
tables, the privileges needed, and what would be left out. Nothing is loaded.

With -detailed-exitcode the exit code is 0 if nothing would be attached, 1 after
an error, and 2 if something would be.

Examples:
  tracer plan opens.hcl
  tracer plan -v -var min=1ms latency.hcl
  tracer plan -show=asm opens.hcl
  tracer plan -json opens.hcl`

const validateHelp = `Checks everything but the kernel's own verdict, and needs no privileges. With
-btf it is checked against the types of another kernel, from a file such as
/sys/kernel/btf/vmlinux copied from there; -btf may be repeated.

Examples:
  tracer validate opens.hcl
  tracer validate -json ./specs/disk
  tracer validate -btf vmlinux-6.1 -btf vmlinux-6.12 tcp.hcl`

const fmtHelp = `Brings specs into their canonical layout, in place, and names the files that
changed. TARGET is a file, a directory (its *.hcl files) or "-" (standard input
to standard output); the default is the current directory.

Examples:
  tracer fmt                      the specs of this directory
  tracer fmt -check -recursive .  exit code 3 if a file is not in that layout
  tracer fmt -diff -write=false opens.hcl
  tracer fmt - < opens.hcl`

const listHelp = `Lists what can be probed on this machine: without arguments the types of probes,
with a TYPE its targets, with a GLOB those that match. Targets in programs need
-binary.

Examples:
  tracer list
  tracer list kprobe 'tcp_*'
  tracer list usdt -binary libc`

const describeHelp = `Shows the values a probe on TARGET can read: its arguments and return value,
with their C types.

Examples:
  tracer describe syscall openat
  tracer describe kprobe tcp_v4_connect
  tracer describe usdt -binary libc libc:memory_heap_new`

const catalogHelp = `The catalog holds specs that are ready to run. Wherever a command takes a SPEC,
catalog:NAME is one of them; -var sets its variables.

Examples:
  tracer catalog list                       all, with what they show
  tracer catalog show opens                 the spec, with its variables
  tracer plan catalog:opens                 what it would attach
  tracer apply -var comm=nginx catalog:opens`

const catalogListHelp = `Lists the specs of the catalog, with what they show: all, or those that have all
the WORDs in their name, summary or tags.

Examples:
  tracer catalog list
  tracer catalog list latency
  tracer catalog list tcp snoop`

const catalogShowHelp = `Prints a spec as it stands in its file: to read it, or to begin one's own.

Examples:
  tracer catalog show syslatency
  tracer catalog show opens > opens.hcl`

const versionHelp = `Shows tracer's version, what it was built from, and the kernel it runs on.

Examples:
  tracer version
  tracer version -json`

const helpHelp = `Shows how tracer or one of its commands is used, as -help does.

Examples:
  tracer help
  tracer help apply
  tracer help catalog show`
