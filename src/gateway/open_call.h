// Calls that last: whether their caller still is who the token said.
#pragma once

#include <chrono>

#include "gateway/tools.h"

namespace modelrun::gateway {

// `span`, or the time until the caller's token ends if that is sooner; never negative.
std::chrono::milliseconds until_token_ends(const ToolCall& call, std::chrono::milliseconds span);

// kDenied when the caller's token has expired or was revoked since the call began. A token that cannot be looked at now
// has not ended.
Result<void> token_still_good(const ToolCall& call);

}  // namespace modelrun::gateway
