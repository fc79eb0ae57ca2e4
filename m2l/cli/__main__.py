from m2l.cli import main

main()
