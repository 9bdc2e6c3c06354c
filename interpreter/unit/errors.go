package unit

import (
	"errors"
	"fmt"
)

// LiteralError says that a literal is not what its place wants.
type LiteralError struct {
	Want string // what would be right: `a duration such as "10ms"`
	Why  string // what is wrong with this one, "" if the form says it all
}

// Error completes a sentence that starts with the literal.
func (e *LiteralError) Error() string {
	if e.Why == "" {
		return "must be " + e.Want
	}
	return "must be " + e.Want + ": " + e.Why
}

// errLiteral is the error of a literal of another form; Unit.Parse adds what the
// unit wants.
func errLiteral() error { return &LiteralError{} }

// errBecause adds what is wrong with it.
func errBecause(why string) error { return &LiteralError{Why: why} }

// errUnknownName says that a name does not exist, and which is like it.
func errUnknownName(what, literal, near string) error {
	why := fmt.Sprintf("there is no %s called %q", what, literal)
	if near != "" {
		why += fmt.Sprintf(" (did you mean %q?)", near)
	}
	return errBecause(why)
}

func errNoLiteral(u *Unit) error {
	return fmt.Errorf("cannot be read as %s: there are no literals of this type", u.Name)
}

// wanting completes a LiteralError with what its place wants.
func wanting(err error, want string) error {
	if literal, ok := errors.AsType[*LiteralError](err); ok && literal.Want == "" {
		return &LiteralError{Want: want, Why: literal.Why}
	}
	return err
}
