package oggwriter

import "io"

// pageRewriter is an output whose pages can be written again.
type pageRewriter interface {
	io.Seeker
	io.WriterAt
}

// output is where pages go to. w is nil after it has been closed.
type output struct {
	w io.Writer
	// rewrite is the same output, or nil.
	rewrite pageRewriter
}

// write writes a page and returns its offset; ok is false where it cannot be
// written again, as in a pipe.
func (o *output) write(page []byte) (offset int64, ok bool, err error) {
	if o.rewrite != nil {
		if offset, err = o.rewrite.Seek(0, io.SeekCurrent); err != nil {
			o.rewrite = nil
		}
	}
	_, err = o.w.Write(page)
	return offset, o.rewrite != nil, err
}

// close closes what can be closed.
func (o *output) close() error {
	w := o.w
	o.w, o.rewrite = nil, nil
	if closer, ok := w.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
