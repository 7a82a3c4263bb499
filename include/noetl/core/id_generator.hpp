// core/id_generator.hpp: where new ids come from, whatever mints them.
// Knows the standard library only. Ours is core/snowflake.hpp.
#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace noetl {

/// Mints ids: next() is thread-safe, never gives an id twice, in no process on the same databases, and each is above
/// the one before. Bits 22 to 62 are milliseconds since 2024-01-01T00:00:00Z, as in a snowflake: rows are kept in
/// partitions, and age out, by the time in their ids. A source may also have a thread-safe `bool
/// keep_above(std::int64_t)`, as snowflake has.
template <class G>
concept id_source = requires(G& from) {
   { from.next() } -> std::same_as<std::int64_t>;
};

/// An id source by reference, so that services need not be templates. Copies mint from the same source, which must
/// outlive them. Thread-safe, as the source is.
class id_generator {
public:
   template <class G>
   requires(!std::same_as<std::remove_cv_t<G>, id_generator>) id_generator(G& from)
   noexcept // implicit: services are given the source itself
       : from_(const_cast<std::remove_const_t<G>*>(&from)) {
      static_assert(id_source<G>, "noetl: an id source needs a thread-safe member function `std::int64_t next()`");
      if constexpr (id_source<G>) next_ = [](void* source) { return static_cast<G*>(source)->next(); };
      if constexpr (requires(std::int64_t id) {
                       { from.keep_above(id) } -> std::same_as<bool>;
                    })
         keep_above_ = [](void* source, std::int64_t id) { return static_cast<G*>(source)->keep_above(id); };
   }

   /// \throws what the source throws
   [[nodiscard]] std::int64_t next() const { return next_(from_); }

   /// Makes later ids stand above `id`, which somebody else minted. \return false when the source cannot do that
   [[nodiscard]] bool keep_above(std::int64_t id) const {
      return keep_above_ != nullptr ? keep_above_(from_, id) : next() > id;
   }

private:
   void* from_;
   std::int64_t (*next_)(void*) = nullptr;
   bool (*keep_above_)(void*, std::int64_t) = nullptr;
};
static_assert(id_source<id_generator const>);

} // namespace noetl
