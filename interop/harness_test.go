package interop

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// A page that another one of the same address and the same second follows.
func TestATabShowsThePageThatIsServedNow(t *testing.T) {
	now, text := time.Now(), ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "index.html", now, strings.NewReader("<p>"+text+"</p>"))
	}))
	t.Cleanup(server.Close)
	for _, text = range []string{"before", "after"} {
		var shown string
		do(t, newTab(t, sharedBrowser(t), server.URL), "document.body.textContent", &shown)
		if shown != text {
			t.Errorf("the tab shows %q, want %q", shown, text)
		}
	}
}
