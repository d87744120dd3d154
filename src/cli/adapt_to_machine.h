// What the static kubectl-modelrun has to be told about the machine that it runs on.
#pragma once

namespace modelrun::cli {

// Keeps the C library and OpenSSL from loading shared objects of the machine, which a static program must not do: they
// want a C library of their own version. Host names are therefore resolved by /etc/hosts and DNS, whatever
// /etc/nsswitch.conf says, and OpenSSL's configuration file is not read. Call it once, before any thread is made.
void adapt_to_machine();

}  // namespace modelrun::cli
