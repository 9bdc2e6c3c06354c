package spec

import (
	"github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
)

// constraints parses required_version.
func (s *Settings) constraints() (version.Constraints, hcl.Diagnostics) {
	if s.RequiredVersion == "" {
		return nil, nil
	}
	c, err := version.NewConstraint(s.RequiredVersion)
	if err != nil {
		return nil, hcl.Diagnostics{errorAt(s.RequiredVersionRange, "Invalid version constraint",
			"%q is not a version constraint. Write an operator (=, !=, >, >=, <, <=, ~>) and a version, such as \">= 0.1\", or several with commas.", s.RequiredVersion)}
	}
	return c, nil
}

// CheckVersion reports that a spec asks for another version of tracer than the
// one given, such as "0.3.1". Pre-release suffixes are not compared. A version
// that is none, as of a build from a working copy, meets every constraint.
func (s *Spec) CheckVersion(running string) hcl.Diagnostics {
	if s.Settings == nil {
		return nil
	}
	c, diags := s.Settings.constraints()
	v, err := version.NewVersion(running)
	if diags.HasErrors() || c == nil || err != nil {
		return diags
	}
	if c.Check(v.Core()) {
		return nil
	}
	return hcl.Diagnostics{errorAt(s.Settings.RequiredVersionRange, "Unsupported tracer version",
		"This spec needs tracer %s, and this is tracer %s.", s.Settings.RequiredVersion, v)}
}
