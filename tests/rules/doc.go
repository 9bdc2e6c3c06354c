// Package rules tests the rules of the house: which package may import which,
// how long files and functions may be, and what must not be in a file.
//
// In: the module's sources, and what "go list" says of them. Out: verdicts.
// Exceptions are listed in allowed.txt, each with its reason; one that is no
// longer needed is an error too.
package rules
