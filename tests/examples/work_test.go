package examples

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// workloads are what this program does for "work NAME ARG...", in one thread
// that is called workName while it does it.
var workloads = map[string]func([]string) error{
	"opens":      workOpens,
	"files":      workFiles,
	"vectors":    workVectors,
	"disk":       workDisk,
	"connect":    workConnect,
	"retransmit": workRetransmit,
	"talk":       workTalk,
}

// work runs one workload and gives the exit code.
func work(name string, args []string) int {
	f := workloads[name]
	if f == nil {
		fmt.Fprintf(os.Stderr, "there is no workload %q\n", name)
		return 2
	}
	if err := f(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// measured runs f in a thread with the name that is counted.
func measured(f func() error) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	name := append([]byte(workName), 0)
	if err := unix.Prctl(unix.PR_SET_NAME, uintptrOf(name), 0, 0, 0); err != nil {
		return err
	}
	err := f()
	name = append([]byte("done"), 0)
	return errors.Join(err, unix.Prctl(unix.PR_SET_NAME, uintptrOf(name), 0, 0, 0))
}

// workVectors reads 30 bytes into two places, COUNT times.
func workVectors(args []string) error {
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	zero, err := unix.Open("/dev/zero", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	return measured(func() error {
		for range count {
			if n, err := unix.Preadv2(zero, [][]byte{make([]byte, 10), make([]byte, 20)}, 0, 0); n != 30 {
				return fmt.Errorf("preadv2: %d, %v", n, err)
			}
		}
		return nil
	})
}

// workOpens opens PATH and a path that does not exist, COUNT times each.
func workOpens(args []string) error {
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	return measured(func() error {
		for range count {
			fd, err := unix.Open(args[1], unix.O_RDONLY|unix.O_CLOEXEC, 0)
			if err != nil {
				return err
			}
			if _, err := unix.Open("/nonexistent/example", unix.O_RDONLY, 0); err != unix.ENOENT {
				return fmt.Errorf("opening what does not exist: %v", err)
			}
			if err := unix.Close(fd); err != nil {
				return err
			}
		}
		return nil
	})
}

// workFiles writes SIZE bytes COUNT times to a file called example-file, and
// reads them back in pieces of SIZE.
func workFiles(args []string) error {
	count, err := strconv.Atoi(args[0])
	size, err2 := strconv.Atoi(args[1])
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "example-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	buf := make([]byte, size)
	return measured(func() error {
		fd, err := unix.Open(filepath.Join(dir, "example-file"), unix.O_RDWR|unix.O_CREAT|unix.O_CLOEXEC, 0o600)
		if err != nil {
			return err
		}
		for i := range count {
			if _, err := unix.Pwrite(fd, buf, int64(i*size)); err != nil {
				return err
			}
		}
		for i := range count {
			if _, err := unix.Pread(fd, buf, int64(i*size)); err != nil {
				return err
			}
		}
		return unix.Close(fd)
	})
}

// directFile opens a disk that can be read past the page cache, or else makes a
// file of COUNT times 64 KiB.
func directFile(count int, memory []byte) (int, error) {
	partitions, err := os.ReadFile("/proc/partitions")
	if err != nil {
		return -1, err
	}
	for _, l := range strings.Split(string(partitions), "\n")[2:] {
		fields := strings.Fields(l)
		if len(fields) != 4 {
			continue
		}
		fd, err := unix.Open("/dev/"+fields[3], unix.O_RDONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
		if err != nil {
			continue
		}
		if n, err := unix.Pread(fd, memory, 0); err == nil && n == len(memory) {
			return fd, nil
		}
		if err := unix.Close(fd); err != nil {
			return -1, err
		}
	}
	f, err := os.CreateTemp("/var/tmp", "example-")
	if err != nil {
		return -1, err
	}
	defer f.Close()
	fd, err := unix.Open(f.Name(), unix.O_RDWR|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if err := errors.Join(err, os.Remove(f.Name())); err != nil {
		return -1, err
	}
	for i := range count {
		if _, err := unix.Pwrite(fd, memory, int64(i*len(memory))); err != nil {
			return -1, err
		}
	}
	return fd, unix.Fsync(fd)
}

// workDisk reads COUNT times 64 KiB from a disk, past the page cache.
func workDisk(args []string) error {
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	const size = 64 << 10
	memory, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return err
	}
	fd, err := directFile(count, memory)
	if err != nil {
		return err
	}
	return measured(func() error {
		for i := range count {
			if _, err := unix.Pread(fd, memory, int64(i*size)); err != nil {
				return err
			}
		}
		return unix.Close(fd)
	})
}

// listen makes a socket that listens on a port of the loopback; prepare may
// change it before it does.
func listen(port string, prepare func(int) error) (int, *unix.SockaddrInet4, error) {
	number, err := strconv.Atoi(port)
	if err != nil {
		return -1, nil, err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, nil, err
	}
	address := &unix.SockaddrInet4{Port: number, Addr: [4]byte{127, 0, 0, 1}}
	return fd, address, errors.Join(
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1),
		prepare(fd), unix.Bind(fd, address), unix.Listen(fd, 16))
}

// workConnect connects COUNT times to PORT of the loopback.
func workConnect(args []string) error {
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	_, address, err := listen(args[1], func(int) error { return nil })
	if err != nil {
		return err
	}
	return measured(func() error {
		for range count {
			fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				return err
			}
			if err := errors.Join(unix.Connect(fd, address), unix.Close(fd)); err != nil {
				return err
			}
		}
		return nil
	})
}

// workRetransmit connects to a socket on PORT that drops every segment, and
// gives up once the first one was sent again, a second later.
func workRetransmit(args []string) error {
	_, address, err := listen(args[0], func(fd int) error {
		drop := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: 0}}
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop[0]})
	})
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	if err := unix.Connect(fd, address); err != unix.EINPROGRESS {
		return fmt.Errorf("connect: %v", err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		info, err := unix.GetsockoptTCPInfo(fd, unix.SOL_TCP, unix.TCP_INFO)
		switch {
		case err != nil:
			return err
		case info.Total_retrans == 1:
			return unix.Close(fd)
		case time.Now().After(end) || info.Total_retrans > 1:
			return fmt.Errorf("%d segments were sent again", info.Total_retrans)
		}
	}
}

// workTalk sends SIZE bytes COUNT times over a connection to PORT, and
// receives them at its other end.
func workTalk(args []string) error {
	count, err := strconv.Atoi(args[0])
	size, err2 := strconv.Atoi(args[1])
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	l, err := net.Listen("tcp4", "127.0.0.1:"+args[2])
	if err != nil {
		return err
	}
	client, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		return err
	}
	server, err := l.Accept()
	if err != nil {
		return err
	}
	buf := make([]byte, size)
	return measured(func() error {
		for range count {
			if _, err := client.Write(buf); err != nil {
				return err
			}
			if _, err := io.ReadFull(server, buf); err != nil {
				return err
			}
		}
		return nil
	})
}

// freePort is a port of the loopback that nobody listens on. It is none of those that the
// kernel gives to whoever asks for any (net.ipv4.ip_local_port_range begins at 32768),
// so that it stays free until it is used.
func freePort() (string, error) {
	var errs []error
	for range 100 {
		port := strconv.Itoa(10_000 + rand.IntN(20_000))
		l, err := net.Listen("tcp4", "127.0.0.1:"+port)
		if err == nil {
			return port, l.Close()
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}

// uintptrOf is the address of a text that ends with a NUL, for prctl.
func uintptrOf(text []byte) uintptr { return uintptr(unsafe.Pointer(&text[0])) }
