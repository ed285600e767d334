package cloud

import (
	"context"
	"encoding/json"
	"path/filepath"
	"time"

	"net/http"

	"github.com/evenkeel/evenkeel/local/emulator"
	"github.com/evenkeel/evenkeel/local/forge"
	"github.com/evenkeel/evenkeel/local/gateway"
)

// defaultBus is the event bus that AWS services put their events on.
const defaultBus = "default"

// assemble makes the gateway, the forge and the simulator.
func (c *Cloud) assemble() error {
	hub := c.endpointOf("ministack")
	client := &http.Client{Timeout: 30 * time.Second}
	sim := c.newSimulator(hub, client)
	c.simulator = sim
	builds := c.newCodeBuild(hub, client)
	c.codebuild = builds
	g, err := gateway.New(gateway.Options{
		Hub: c.opts.Hub, Region: c.opts.Region, Ministack: hub, Moto: c.endpointOf("moto"), Simulator: sim, CodeBuild: builds.Handler, Now: c.opts.Now, Log: c.log,
		Put: func(events ...emulator.Event) error {
			return emulator.Put(context.Background(), client, hub, defaultBus, c.opts.Hub, c.opts.Region, events...)
		},
	})
	if err != nil {
		return err
	}
	c.Gateway = g
	c.Forge, err = forge.New(forge.Options{
		Root: filepath.Join(c.opts.Root, Folder, "git"), URL: c.State.Endpoint + "/git", Now: c.opts.Now, Log: c.log,
		EmitCodeCommit: c.emitCodeCommit,
	})
	if err != nil {
		return err
	}
	g.Register("/git/", c.Forge)
	g.Register(gateway.Prefix+"forge/", http.StripPrefix(gateway.Prefix+"forge", c.Forge.Admin()))
	g.Register("GET "+gateway.Prefix+"state", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(c.State)
	}))
	return nil
}

// emitCodeCommit puts CodeCommit's event of a push on the hub's default bus.
func (c *Cloud) emitCodeCommit(r forge.Repository, detail map[string]any) error {
	account, region := r.Account, r.Region
	if account == "" {
		account = c.opts.Hub
	}
	if region == "" {
		region = c.opts.Region
	}
	arn := "arn:aws:codecommit:" + region + ":" + account + ":" + r.Name
	event, err := emulator.NewEvent("aws.codecommit", "CodeCommit Repository State Change", account, region, c.opts.Now(), []string{arn}, detail)
	if err != nil {
		return err
	}
	c.Gateway.Bus().Emit(event)
	return nil
}
