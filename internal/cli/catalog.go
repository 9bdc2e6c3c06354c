package cli

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"

	"tracer/spec"
)

// catalogCommand is "tracer catalog".
func (a *app) catalogCommand() *cli.Command {
	list := &cli.Command{
		Name: "list", Usage: "list the specs of the catalog",
		UsageText: "tracer catalog list [WORD...]", Description: catalogListHelp,
		Action: func(_ context.Context, c *cli.Command) error { return a.catalogList(c.Args().Slice()) },
	}
	show := &cli.Command{
		Name: "show", Usage: "print a spec of the catalog",
		UsageText: "tracer catalog show NAME", Description: catalogShowHelp,
		Action: func(_ context.Context, c *cli.Command) error {
			if c.Args().Len() != 1 {
				return usagef("catalog show", "show takes the NAME of one spec")
			}
			return a.catalogShow(c.Args().First())
		},
		ShellComplete: a.completeCatalog,
	}
	for _, c := range []*cli.Command{list, show} {
		c.HideHelpCommand, c.Suggest, c.OnUsageError = true, true, usageErrorBelow("catalog")
	}
	return &cli.Command{
		Name: "catalog", Usage: "list and show the specs that come with tracer",
		UsageText: "tracer catalog list|show", Description: catalogHelp,
		Commands: []*cli.Command{list, show},
		Action: func(_ context.Context, c *cli.Command) error {
			if name := c.Args().First(); name != "" {
				return usagef("catalog", "catalog has no command %q%s", name, nearCommand(c, name))
			}
			return usagef("catalog", "catalog takes list or show")
		},
	}
}

// usageErrorBelow is usageError for a command below another one.
func usageErrorBelow(parent string) cli.OnUsageErrorFunc {
	return func(ctx context.Context, c *cli.Command, err error, isSub bool) error {
		wrong, ok := usageError(ctx, c, err, isSub).(usage)
		if !ok {
			return err
		}
		wrong.command = parent + " " + c.Name
		return wrong
	}
}

// catalogEntry is a spec of the catalog.
type catalogEntry struct {
	name string // "files/opens"
	file string // in Env.Catalog
}

func (e catalogEntry) short() string { return path.Base(e.name) }

// catalog lists the embedded specs, by area and name.
func (a *app) catalog() ([]catalogEntry, error) {
	if a.env.Catalog == nil {
		return nil, fmt.Errorf("this build of tracer has no catalog")
	}
	var all []catalogEntry
	err := fs.WalkDir(a.env.Catalog, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !spec.IsSpecFile(d.Name()) {
			return err
		}
		all = append(all, catalogEntry{name: strings.TrimSuffix(file, ".hcl"), file: file})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("the catalog cannot be read: %w", err)
	}
	return all, nil
}

// catalogSource reads a spec of the catalog: NAME is that of its file, without
// .hcl, or of its folder and file.
func (a *app) catalogSource(name string) (catalogEntry, []byte, error) {
	all, err := a.catalog()
	if err != nil {
		return catalogEntry{}, nil, err
	}
	name = strings.TrimPrefix(name, catalogPrefix)
	at := slices.IndexFunc(all, func(e catalogEntry) bool { return e.name == name || e.short() == name })
	if at < 0 {
		var names []string
		for _, e := range all {
			names = append(names, e.short())
		}
		slices.Sort(names)
		return catalogEntry{}, nil, fmt.Errorf("the catalog has no spec %q%s", name, question(spec.Nearest(path.Base(name), names), catalogPrefix))
	}
	src, err := fs.ReadFile(a.env.Catalog, all[at].file)
	if err != nil {
		return catalogEntry{}, nil, fmt.Errorf("%q cannot be read: %w", catalogPrefix+name, err)
	}
	return all[at], src, nil
}

// catalogList prints the specs whose name, summary or tags have all words.
func (a *app) catalogList(words []string) error {
	all, err := a.catalog()
	if err != nil {
		return err
	}
	var rows [][2]string
	width := 0
	for _, e := range all {
		src, err := fs.ReadFile(a.env.Catalog, e.file)
		if err != nil {
			return fmt.Errorf("%q cannot be read: %w", catalogPrefix+e.name, err)
		}
		settings := spec.Settings{}
		// What is wrong with a spec is said when it is used.
		if s, _ := spec.Parse([]spec.Source{{Name: e.file, Bytes: src}}); s != nil && s.Settings != nil {
			settings = *s.Settings
		}
		if !hasWords(strings.Join(append([]string{e.name, settings.Summary}, settings.Tags...), " "), words) {
			continue
		}
		rows = append(rows, [2]string{e.name, settings.Summary})
		width = max(width, len(e.name))
	}
	if len(rows) == 0 {
		return fmt.Errorf("no spec of the catalog has %q in its name, summary or tags", strings.Join(words, " "))
	}
	w := bufio.NewWriter(a.streams.Out)
	for _, r := range rows {
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-*s  %s", width, r[0], r[1]), " "))
	}
	return w.Flush()
}

// hasWords says whether a text has all words in it, whatever their case.
func hasWords(text string, words []string) bool {
	text = strings.ToLower(text)
	return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, strings.ToLower(w)) })
}

// catalogShow prints a spec as it stands in its file.
func (a *app) catalogShow(name string) error {
	_, src, err := a.catalogSource(name)
	if err != nil {
		return err
	}
	_, err = a.streams.Out.Write(src)
	return err
}

// completeCatalog completes the names of specs.
func (a *app) completeCatalog(_ context.Context, c *cli.Command) {
	all, err := a.catalog()
	if err != nil || c.Args().Len() > 0 {
		return
	}
	for _, e := range all {
		_, _ = fmt.Fprintln(a.streams.Out, e.short())
	}
}
