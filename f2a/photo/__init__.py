"""Reading and writing photo files."""

from f2a.photo.codecs import decoder_of as decoder_of
from f2a.photo.errors import PhotoError as PhotoError
from f2a.photo.errors import PhotoExistsError as PhotoExistsError
from f2a.photo.icc import look_up as look_up
from f2a.photo.metadata.exif import flash_fired as flash_fired
from f2a.photo.names import READABLE_SUFFIXES as READABLE_SUFFIXES
from f2a.photo.names import SUFFIXES as SUFFIXES
from f2a.photo.names import format_of as format_of
from f2a.photo.names import is_hidden as is_hidden
from f2a.photo.names import is_other_picture as is_other_picture
from f2a.photo.names import is_photo as is_photo
from f2a.photo.names import is_result as is_result
from f2a.photo.names import names_a_file as names_a_file
from f2a.photo.names import needs_rawpy as needs_rawpy
from f2a.photo.names import output_name as output_name
from f2a.photo.photo import Photo as Photo
from f2a.photo.photo import PhotoFile as PhotoFile
from f2a.photo.photo import exif_transposed as exif_transposed
from f2a.photo.reading import open_photo as open_photo
from f2a.photo.reading import read_photo as read_photo
from f2a.photo.reading import stated_size as stated_size
from f2a.photo.writing import check_target as check_target
from f2a.photo.writing import write_photo as write_photo
