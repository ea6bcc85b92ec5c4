"""The kind of job that puts a release onto a challenge's data page, file by file, by the road of
`manage.py add_release`. The page of a finished database job starts it.
"""
