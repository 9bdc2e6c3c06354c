package cli

import (
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"tracer/spec"
)

// envPrefix is how environment variables that set a variable of a spec begin.
const envPrefix = "TRACER_VAR_"

// values collects -var and -var-file in the order of the command line.
type values struct{ flags []spec.FlagValue }

// varFlag is -var or -var-file: two options that share one ordered list.
type varFlag struct {
	values *values
	parse  func(string) (spec.FlagValue, error)
}

// Set implements flag.Value.
func (v *varFlag) Set(text string) error {
	value, err := v.parse(text)
	if err == nil {
		v.values.flags = append(v.values.flags, value)
	}
	return err
}

// String implements flag.Value.
func (v *varFlag) String() string { return "" }

// Get implements cli.Value.
func (v *varFlag) Get() any { return nil }

// options are -var and -var-file.
func (v *values) options() []cli.Flag {
	return []cli.Flag{
		&cli.GenericFlag{Name: "var", Value: &varFlag{v, parseVar}, HideDefault: true, Usage: "set a variable: `NAME=VALUE`; may be repeated"},
		&cli.GenericFlag{Name: "var-file", Value: &varFlag{v, parseVarFile}, HideDefault: true, Usage: "set the variables that `FILE` gives values; may be repeated"},
	}
}

func parseVar(text string) (spec.FlagValue, error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok || strings.TrimSpace(name) == "" {
		return spec.FlagValue{}, fmt.Errorf("%q is not of the form NAME=VALUE", text)
	}
	return spec.FlagValue{Name: strings.TrimSpace(name), Value: value}, nil
}

func parseVarFile(name string) (spec.FlagValue, error) {
	src, err := readFile(name)
	if err != nil {
		return spec.FlagValue{}, err
	}
	return spec.FlagValue{File: &spec.Source{Name: name, Bytes: src}}, nil
}

// environment are the variables that the environment sets, by name.
func (e Env) environment() map[string]string {
	out := map[string]string{}
	for _, entry := range e.Environ {
		if rest, ok := strings.CutPrefix(entry, envPrefix); ok {
			if name, value, ok := strings.Cut(rest, "="); ok {
				out[name] = value
			}
		}
	}
	return out
}
