package cloud

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// errRunning says that another process runs a cloud in the folder.
var errRunning = errors.New("a local cloud already runs in this folder")

// lock takes a lock that the kernel frees when the process ends.
func lock(path string) (release func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock the local cloud: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, errRunning
	}
	return func() { _ = file.Close() }, nil
}
