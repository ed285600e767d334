package main

import (
	"os"
	"os/user"

	"github.com/evenkeel/evenkeel/shared/deployment"
)

// via is what this program can honestly say about where a decision comes from:
// itself, the machine and the user there. All of it is the client's own word;
// the source address as AWS saw it is in CloudTrail, see events.Via.
func (a *app) via() deployment.Via {
	via := deployment.Via{Client: "evenkeel cli", Version: version()}
	if host, err := os.Hostname(); err == nil {
		via.Host = host
	}
	if who, err := user.Current(); err == nil {
		via.User = who.Username
	}
	return via
}
