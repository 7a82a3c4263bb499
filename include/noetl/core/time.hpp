// core/time.hpp: UTC points in time, as text and back (RFC 3339, and PostgreSQL's zone-less form).
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace noetl {

/// A UTC instant. Nanoseconds, so that a worker's time survives the way in; PostgreSQL keeps microseconds.
using timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

} // namespace noetl
