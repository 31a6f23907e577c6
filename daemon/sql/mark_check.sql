SELECT kind, detail FROM check_mark($1)
