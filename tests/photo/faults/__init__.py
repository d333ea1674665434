"""Photo files of eight kinds that were read wrongly, lost something or said too much: what is right, what comes out.

``python -m tests.photo.faults`` makes them, relights them and writes the table in docs/photo_faults.md;
``tests/photo/test_photo_faults.py`` checks each row. Needs exiftool, ImageMagick, libjpeg-turbo's programs and cjxl
(Debian: libimage-exiftool-perl imagemagick libjpeg-turbo-progs libjxl-tools), and for some files those in shared/faults
beside the checkout.
"""
