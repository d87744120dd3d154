// For calls that last: whether the caller's token is still valid.
#pragma once

#include <chrono>

#include "gateway/runs/call.h"

namespace modelrun::gateway {

// The time until the caller's token expires, but at most `span` and at least zero.
std::chrono::milliseconds until_token_ends(const Call& call, std::chrono::milliseconds span);

// kDenied if the caller's token has expired or is not valid any more (Call::recheck). If the token cannot be checked
// now, this succeeds: an outage of the API server or of an issuer must not end the calls that are open. May block.
Result<void> token_still_good(const Call& call);

}  // namespace modelrun::gateway
