package process

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"syscall"
)

// attributes makes a child lead its own process group, and lets the kernel end
// it with the thread that started it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// lockThread keeps the goroutine's thread for as long as the goroutine lives:
// Pdeathsig fires when the *thread* that started the child ends.
func lockThread() { runtime.LockOSThread() }

// startTime is field 22 of /proc/pid/stat, in clock ticks since boot, or ""
// when there is no such process or only its remains (state Z).
func startTime(pid int) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The second field is the program's name in parentheses and may hold spaces.
	_, rest, ok := strings.Cut(string(data), ") ")
	fields := strings.Fields(rest)
	if !ok || len(fields) < 20 || fields[0] == "Z" {
		return ""
	}
	return fields[19]
}
