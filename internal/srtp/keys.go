package srtp

import "fmt"

// ExporterLabel is the label of the exporter that keys SRTP from DTLS (RFC 5764 section 4.2).
const ExporterLabel = "EXTRACTOR-dtls_srtp"

// Keys are the master key and the master salt of one direction (RFC 3711 section 3.2.1).
type Keys struct{ Key, Salt []byte }

// KeysFromExporter cuts exported keying material into the keys of the two directions: client key, server key, client salt, server
// salt (RFC 5764 section 4.2). Local are those that protect what this end sends; isClient is its role in DTLS. Material has
// p.KeyingMaterialLen() bytes; the keys share its memory.
func KeysFromExporter(p Profile, material []byte, isClient bool) (local, remote Keys, err error) {
	if !p.Supported() {
		return Keys{}, Keys{}, fmt.Errorf("srtp: unknown profile %v", p)
	}
	if len(material) != p.KeyingMaterialLen() {
		return Keys{}, Keys{}, fmt.Errorf("srtp: %d bytes of keying material for %v; want %d", len(material), p, p.KeyingMaterialLen())
	}
	cut := func(n int) []byte {
		part := material[:n:n]
		material = material[n:]
		return part
	}
	var client, server Keys
	client.Key, server.Key = cut(p.KeyLen()), cut(p.KeyLen())
	client.Salt, server.Salt = cut(p.SaltLen()), cut(p.SaltLen())
	if isClient {
		return client, server, nil
	}
	return server, client, nil
}

// check compares lengths with the profile's.
func (k Keys) check(p Profile) error {
	switch {
	case !p.Supported():
		return fmt.Errorf("srtp: unknown profile %v", p)
	case len(k.Key) != p.KeyLen():
		return fmt.Errorf("srtp: master key of %d bytes for %v; want %d", len(k.Key), p, p.KeyLen())
	case len(k.Salt) != p.SaltLen():
		return fmt.Errorf("srtp: master salt of %d bytes for %v; want %d", len(k.Salt), p, p.SaltLen())
	}
	return nil
}
