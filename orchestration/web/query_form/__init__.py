"""The query form, its searches, and the jobs that compute its reports."""
