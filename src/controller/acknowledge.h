// What is left to do for a run or a sweep whose spec somebody changes after its end.
#pragma once

#include <functional>
#include <stop_token>

#include "controller/context.h"

namespace modelrun::controller {

// Sets status.observedGeneration of the ended object to its newest generation: kstatus takes an object whose newest
// generation was not observed for one that is in progress. spec.cancel and spec.suspend can still be changed then, but
// change nothing. `known` is the object as the cache has it; `put` is given the object that was written. Does nothing
// for an object that is gone, that is another one by now, or that needs no write. Blocks. Fails with the error of a
// request.
Result<void> acknowledge(const Context& context, const kube::Resource& resource, const api::ObjectMeta& known,
                         const std::function<void(const kube::Json&)>& put, std::stop_token stop);

}  // namespace modelrun::controller
