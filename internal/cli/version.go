package cli

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/urfave/cli/v3"
)

// versionCommand is "tracer version".
func (a *app) versionCommand() *cli.Command {
	var asJSON bool
	return &cli.Command{
		Name: "version", Usage: "show the version of tracer and of the kernel",
		UsageText: "tracer version [-json]", Description: versionHelp,
		Flags: []cli.Flag{&cli.BoolFlag{Name: "json", Usage: "as one JSON object", Destination: &asJSON}},
		Action: func(_ context.Context, c *cli.Command) error {
			if c.Args().Present() {
				return usagef("version", "version takes no arguments")
			}
			return a.version(asJSON)
		},
	}
}

// versionView is the JSON form.
type versionView struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	Kernel   string `json:"kernel"`
}

func (a *app) version(asJSON bool) error {
	b := a.env.Build
	v := versionView{b.Version, b.Revision, b.Modified, b.Go, b.Platform, a.facts().Kernel().Release}
	if asJSON {
		enc := json.NewEncoder(a.streams.Out)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	from := ""
	if v.Revision != "" {
		from = ", revision " + v.Revision
		if v.Modified {
			from += " with changes"
		}
	}
	_, err := fmt.Fprintf(a.streams.Out, "tracer %s (%s, %s%s)\nkernel %s\n", v.Version, v.Go, v.Platform, from, v.Kernel)
	return err
}
