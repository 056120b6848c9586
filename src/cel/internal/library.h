#pragma once

/// The functions of the language, as they run: arguments are values of any kinds, and kinds without an
/// overload are an error. functions.cc says their names, signatures and costs.

#include <cstddef>

#include "cel/internal/frame.h"

namespace ciyuan::cel {

#define CIYUAN_CEL_FUNCTION(name) Value name(Frame& frame, const Value* arguments, std::size_t count)

// arithmetic.cc
CIYUAN_CEL_FUNCTION(add);
CIYUAN_CEL_FUNCTION(subtract);
CIYUAN_CEL_FUNCTION(multiply);
CIYUAN_CEL_FUNCTION(divide);
CIYUAN_CEL_FUNCTION(modulus);
CIYUAN_CEL_FUNCTION(negate);
CIYUAN_CEL_FUNCTION(logical_not);
CIYUAN_CEL_FUNCTION(size_of);

// conversions.cc
CIYUAN_CEL_FUNCTION(to_bool);
CIYUAN_CEL_FUNCTION(to_int);
CIYUAN_CEL_FUNCTION(to_uint);
CIYUAN_CEL_FUNCTION(to_double);
CIYUAN_CEL_FUNCTION(to_string);
CIYUAN_CEL_FUNCTION(to_bytes);
CIYUAN_CEL_FUNCTION(to_dyn);
CIYUAN_CEL_FUNCTION(to_type);
CIYUAN_CEL_FUNCTION(to_timestamp);
CIYUAN_CEL_FUNCTION(to_duration);
CIYUAN_CEL_FUNCTION(base64_encode);
CIYUAN_CEL_FUNCTION(base64_decode);

// text_functions.cc, text_lists.cc
CIYUAN_CEL_FUNCTION(contains);
CIYUAN_CEL_FUNCTION(starts_with);
CIYUAN_CEL_FUNCTION(ends_with);
CIYUAN_CEL_FUNCTION(matches);
CIYUAN_CEL_FUNCTION(char_at);
CIYUAN_CEL_FUNCTION(index_of);
CIYUAN_CEL_FUNCTION(last_index_of);
CIYUAN_CEL_FUNCTION(substring);
CIYUAN_CEL_FUNCTION(lower_ascii);
CIYUAN_CEL_FUNCTION(upper_ascii);
CIYUAN_CEL_FUNCTION(trim);
CIYUAN_CEL_FUNCTION(reverse);
CIYUAN_CEL_FUNCTION(replace);
CIYUAN_CEL_FUNCTION(split);
CIYUAN_CEL_FUNCTION(join);
CIYUAN_CEL_FUNCTION(quote);

// math_functions.cc
CIYUAN_CEL_FUNCTION(greatest);
CIYUAN_CEL_FUNCTION(least);
CIYUAN_CEL_FUNCTION(ceil);
CIYUAN_CEL_FUNCTION(floor);
CIYUAN_CEL_FUNCTION(round);
CIYUAN_CEL_FUNCTION(trunc);
CIYUAN_CEL_FUNCTION(absolute);
CIYUAN_CEL_FUNCTION(sign);
CIYUAN_CEL_FUNCTION(is_nan);
CIYUAN_CEL_FUNCTION(is_infinite);
CIYUAN_CEL_FUNCTION(is_finite);
CIYUAN_CEL_FUNCTION(square_root);
CIYUAN_CEL_FUNCTION(bit_and);
CIYUAN_CEL_FUNCTION(bit_or);
CIYUAN_CEL_FUNCTION(bit_xor);
CIYUAN_CEL_FUNCTION(bit_not);
CIYUAN_CEL_FUNCTION(shift_left);
CIYUAN_CEL_FUNCTION(shift_right);

// time_functions.cc
CIYUAN_CEL_FUNCTION(full_year);
CIYUAN_CEL_FUNCTION(month);
CIYUAN_CEL_FUNCTION(date);
CIYUAN_CEL_FUNCTION(day_of_month);
CIYUAN_CEL_FUNCTION(day_of_week);
CIYUAN_CEL_FUNCTION(day_of_year);
CIYUAN_CEL_FUNCTION(hours);
CIYUAN_CEL_FUNCTION(minutes);
CIYUAN_CEL_FUNCTION(seconds_of);
CIYUAN_CEL_FUNCTION(milliseconds_of);

#undef CIYUAN_CEL_FUNCTION

}  // namespace ciyuan::cel
