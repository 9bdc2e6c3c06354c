// Package specs is the catalog: the specs that come with tracer, one folder an
// area, one file a tool, embedded in the program as FS. `tracer apply
// catalog:NAME` runs one. (Package spec, without s, is the language's front
// end.)
package specs

import "embed"

// FS holds the catalog: AREA/NAME.hcl.
//
//go:embed */*.hcl
var FS embed.FS
