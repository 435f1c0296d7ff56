"""Grading a whole class: many submissions, in few requests, so that stopping half-way loses none."""
