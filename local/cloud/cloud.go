// Package cloud supervises the local cloud: it starts the emulators and the
// gateway on free ports of 127.0.0.1, waits until they are healthy, and stops
// everything that it started, whatever happens.
package cloud

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/evenkeel/evenkeel/local/emulator"
	"github.com/evenkeel/evenkeel/local/forge"
	"github.com/evenkeel/evenkeel/local/gateway"
	"github.com/evenkeel/evenkeel/local/process"
	"github.com/evenkeel/evenkeel/local/venv"
)

// Options says which cloud to start.
type Options struct {
	Root     string           // folder that holds .evenkeel; "" is the working directory
	Project  string           // folder that holds .venv; "" is Root
	Region   string           // "" is us-east-1
	Hub      string           // account id of the hub; "" is 000000000000
	Port     int              // port of the gateway; 0 is a free one
	Emulator string           // endpoint of a running hub emulator; "" starts MiniStack
	Network  emulator.Network // quotas and delays of the workload accounts' EC2
	Progress func(string)     // told each step; nil is silent
	Now      func() time.Time
}

func (o Options) withDefaults() (Options, error) {
	root, err := filepath.Abs(o.Root)
	if err != nil {
		return o, err
	}
	o.Root = root
	if o.Project == "" {
		o.Project = root
	}
	if o.Region == "" {
		o.Region = "us-east-1"
	}
	if o.Hub == "" {
		o.Hub = "000000000000"
	}
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o, nil
}

// Cloud is a local cloud that this process runs.
type Cloud struct {
	State     State
	Gateway   *gateway.Gateway
	Forge     *forge.Forge
	opts      Options
	log       *slog.Logger
	server    *http.Server
	simulator closer
	codebuild closer
	emulators []*emulator.Emulator
	release   func() // frees the lock on the project's folder
	failed    chan error
	stop      sync.Once
}

type closer interface{ Close() }

// Up starts a local cloud in this process and returns when it is healthy. The
// caller must Stop it. A second cloud in the same folder is refused.
func Up(ctx context.Context, opts Options) (*Cloud, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	c := &Cloud{opts: opts, failed: make(chan error, 4)}
	if err := c.start(ctx); err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *Cloud) start(ctx context.Context) error {
	started := time.Now()
	logs := filepath.Join(c.opts.Root, Folder, "logs")
	if err := os.MkdirAll(logs, 0o755); err != nil {
		return err
	}
	release, err := lock(filepath.Join(c.opts.Root, Folder, "lock"))
	if err != nil {
		return err
	}
	c.release = release
	if err := clean(c.opts.Root, c.opts.Progress); err != nil {
		return err
	}
	env, err := venv.Ensure(ctx, c.opts.Project, c.opts.Progress)
	if err != nil {
		return err
	}
	if err := removeLogs(logs); err != nil {
		return err
	}
	if err := c.openLog(filepath.Join(logs, "gateway.log")); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", c.opts.Port))
	if err != nil {
		return fmt.Errorf("listen for the gateway: %w", err)
	}
	c.State = State{
		Endpoint: "http://" + listener.Addr().String(), Region: c.opts.Region, Hub: c.opts.Hub, Root: c.opts.Root, Logs: logs,
		Supervisor: process.Identity(os.Getpid()), Processes: []Child{}, Started: c.opts.Now().UTC(),
	}
	if err := c.startEmulators(ctx, env); err != nil {
		_ = listener.Close()
		return err
	}
	if err := c.serve(ctx, listener); err != nil {
		return err
	}
	c.opts.Progress(fmt.Sprintf("local cloud ready at %s in %.1f s", c.State.Endpoint, time.Since(started).Seconds()))
	c.State.Ready = true
	return writeState(c.State)
}

// removeLogs removes the logs of the run before, but for the supervisor's own,
// which is being written.
func removeLogs(dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.log"))
	for _, path := range paths {
		if filepath.Base(path) != supervisorLog {
			err = errors.Join(err, os.Remove(path))
		}
	}
	return err
}

// supervisorLog keeps what a detached cloud prints.
const supervisorLog = "supervisor.log"

func (c *Cloud) openLog(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	c.log = slog.New(slog.NewJSONHandler(file, &slog.HandlerOptions{Level: slog.LevelDebug}))
	return nil
}

// startEmulators starts both emulators at once. Their pids are on disk before
// they are waited for, so that a crash at any moment leaves none behind.
func (c *Cloud) startEmulators(ctx context.Context, env venv.Env) error {
	settings := func(name string) emulator.Settings {
		return emulator.Settings{
			Env: env, State: filepath.Join(c.opts.Root, Folder, name), Logs: c.State.Logs, Region: c.opts.Region, Callback: c.State.Endpoint,
			Network: c.opts.Network,
		}
	}
	type result struct {
		name string
		e    *emulator.Emulator
		err  error
	}
	starts := map[string]func(context.Context, emulator.Settings) (*emulator.Emulator, error){"moto": emulator.StartMoto}
	if c.opts.Emulator == "" {
		starts["ministack"] = emulator.StartMiniStack
	}
	results := make(chan result, len(starts))
	var mu sync.Mutex
	for name, start := range starts {
		s := settings(name)
		s.Started = func(p *process.Process) error {
			mu.Lock()
			defer mu.Unlock()
			c.State.Processes = append(c.State.Processes, Child{Name: p.Name, Pid: p.Pid, Identity: process.Identity(p.Pid), Log: p.Log})
			return writeState(c.State)
		}
		// What a run wrote means nothing to the next.
		if err := os.RemoveAll(s.State); err != nil {
			return err
		}
		if err := os.MkdirAll(s.State, 0o755); err != nil {
			return err
		}
		go func() {
			e, err := start(ctx, s)
			results <- result{name, e, err}
		}()
	}
	faults := []error{c.checkEmulator(ctx)}
	for range starts {
		r := <-results
		if r.err != nil {
			faults = append(faults, r.err)
			continue
		}
		c.emulators = append(c.emulators, r.e)
		mu.Lock()
		c.State.settle(r.e)
		mu.Unlock()
		c.opts.Progress(fmt.Sprintf("%s is healthy at %s (pid %d)", r.name, r.e.Endpoint, r.e.Pid))
		go c.watch(r.e)
	}
	return errors.Join(faults...)
}

// checkEmulator makes sure that a hub emulator of the caller's own answers and
// takes the events of the services that the gateway plays.
func (c *Cloud) checkEmulator(ctx context.Context) error {
	if c.opts.Emulator == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := emulator.CheckEvents(ctx, http.DefaultClient, c.opts.Emulator, c.opts.Hub, c.opts.Region); err != nil {
		return err
	}
	c.opts.Progress("hub emulator at " + c.opts.Emulator + "; its functions must have AWS_ENDPOINT_URL=" + c.State.Endpoint)
	return nil
}

// watch reports an emulator that ends by itself.
func (c *Cloud) watch(e *emulator.Emulator) {
	<-e.Done()
	select {
	case c.failed <- fmt.Errorf("%s ended; see %s", e.Name, e.Log):
	default:
	}
}

func (c *Cloud) endpointOf(name string) string {
	for _, child := range c.State.Processes {
		if child.Name == name {
			return child.Endpoint
		}
	}
	return c.opts.Emulator
}

// serve starts the gateway with the forge and the simulator behind it.
func (c *Cloud) serve(ctx context.Context, listener net.Listener) error {
	if err := c.assemble(); err != nil {
		_ = listener.Close()
		return err
	}
	c.server = &http.Server{Handler: c.Gateway, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := c.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			c.failed <- fmt.Errorf("gateway: %w", err)
		}
	}()
	if !emulator.Healthy(ctx, c.State.Endpoint+gateway.Prefix+"health") {
		return errors.New("the gateway does not answer")
	}
	return nil
}

// Wait blocks until ctx is done (nil) or a part of the cloud fails.
func (c *Cloud) Wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-c.failed:
		return err
	}
}

// Stop ends everything that the cloud started. It is safe to call more than
// once, and after a failed start.
func (c *Cloud) Stop() {
	c.stop.Do(func() {
		if c.codebuild != nil {
			c.codebuild.Close()
		}
		if c.server != nil {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			defer cancel()
			if c.server.Shutdown(ctx) != nil {
				_ = c.server.Close()
			}
		}
		if c.simulator != nil {
			c.simulator.Close()
		}
		if c.Forge != nil {
			c.Forge.Close()
		}
		if c.Gateway != nil {
			c.Gateway.Close()
		}
		var stopping sync.WaitGroup
		for _, e := range c.emulators {
			stopping.Go(func() { e.Stop(2 * time.Second) })
		}
		stopping.Wait()
		if c.release != nil {
			_ = os.Remove(statePath(c.opts.Root))
			c.release()
		}
	})
}
