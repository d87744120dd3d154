// log, exp and the normal quantile by +, -, *, / and square root only, which IEEE 754 rounds in one way on every
// machine. The functions of libm differ between C libraries in the last bit. This folder is compiled without
// contracting a * b + c into one instruction. Pure and thread-safe.
//
// log and exp are evaluated as in FDLIBM 5.3, whose results Java's StrictMath prescribes; their error is below one
// unit in the last place.
#pragma once

namespace modelrun::sweep {

// REQUIRES: `x` is positive, finite and not subnormal.
double portable_log(double x);
// REQUIRES: `x` is from -700 to 700.
double portable_exp(double x);

// The value of the standard normal distribution below which `p` of it lies. M. J. Wichura, "Algorithm AS 241: the
// percentage points of the normal distribution", Applied Statistics 37 (1988), routine PPND16: a relative error of
// about 1e-16. REQUIRES: 0 < p < 1.
double normal_quantile(double p);

}  // namespace modelrun::sweep
