"""Files that have no pages of their own: office files, tables, web pages, texts, mails, archives and films.

Each module reads one family of formats into blocks (`blocks`), which `setting` lays out as pages of words whose text is
the file's own, letter for letter. `drawing` draws the same layout for an engine that looks at pictures. `kinds` tells
what a file is; `book` puts the parts together. `members` lists the documents inside of another.
"""
