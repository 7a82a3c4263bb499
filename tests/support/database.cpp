// The one file of a test program that defines the database session (libpqxx).
#include <noetl/pg/pqxx.hpp>
