// What OpenSSL's SSL_CTX_set_default_verify_paths does in this process. Private to kube/cpprest. Two files implement
// this: default_trust.cc for programs with shared libraries, static_default_trust.cc for static ones.
#pragma once

namespace modelrun::kube {

// True while a WithoutDefaultTrust exists on this thread. Each implementation defines it beside its function, so that
// whoever uses the class has the linker take that function out of its archive.
extern constinit thread_local bool without_default_trust;

// While an object of this class exists, OpenSSL's SSL_CTX_set_default_verify_paths does nothing on this thread.
// Objects must not be nested. The reason: cpprestsdk calls that function for every new connection, and it reads the
// system's whole CA bundle, if there is one. That takes 49 ms (measured), for a context that TlsSettings::apply
// throws away.
class WithoutDefaultTrust {
 public:
  WithoutDefaultTrust() { without_default_trust = true; }
  ~WithoutDefaultTrust() { without_default_trust = false; }
  WithoutDefaultTrust(const WithoutDefaultTrust&) = delete;
  WithoutDefaultTrust& operator=(const WithoutDefaultTrust&) = delete;
};

}  // namespace modelrun::kube
