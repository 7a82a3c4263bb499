noetl_reject(core id_source_without_next "an id source needs a thread-safe member function `std::int64_t next()`")
