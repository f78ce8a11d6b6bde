//! Pictures: a lowered gate before a sky, in colours that follow from a name.

use sha2::{Digest, Sha256};

/// Width and height in pixels.
const SIZE: u32 = 256;

/// One picture.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The file: PNG, 256 by 256, 8 bits each of red, green and blue.
    pub png: Vec<u8>,
    /// The start of its SHA-256, in hexadecimal.
    pub digest: String,
}

/// The picture of a name; the same each time.
///
/// # Errors
///
/// When it cannot be encoded, which does not happen.
pub fn of(name: &str) -> Result<Picture, png::EncodingError> {
    let seed = Sha256::digest(name.as_bytes());
    let sky = [seed[0], seed[1], seed[2]].map(|colour| 80 + colour / 2);
    let iron = [seed[3], seed[4], seed[5]].map(|colour| colour / 4);
    let mut pixels = Vec::with_capacity(3 * (SIZE * SIZE) as usize);
    for y in 0..SIZE {
        for x in 0..SIZE {
            let colour = if is_gate(x, y) {
                iron
            } else {
                sky.map(|full| darker(full, y))
            };
            pixels.extend(colour);
        }
    }
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, SIZE, SIZE);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&pixels)?;
    writer.finish()?;
    let hash = Sha256::digest(&png);
    let start: Vec<String> = hash
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let digest = start.concat();
    Ok(Picture { png, digest })
}

/// Bars every 32 pixels, 8 wide; the upright ones end in spikes.
fn is_gate(x: u32, y: u32) -> bool {
    let across = x % 32;
    let spike = y.saturating_sub(SIZE - 24) / 3;
    let upright = (12 + spike.min(4)..20 - spike.min(4)).contains(&across) && y < SIZE - 12;
    let level = (12..20).contains(&(y % 32)) && y < SIZE - 32;
    upright || level
}

fn darker(colour: u8, y: u32) -> u8 {
    colour - u8::try_from(u32::from(colour) * y / (2 * SIZE)).unwrap_or(colour)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_a_png_that_others_can_read() {
        let picture = of("gate").unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&picture.png))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((frame.width, frame.height), (SIZE, SIZE));
        assert!(pixels.windows(3).any(|colour| colour != &pixels[..3]));
    }

    #[test]
    fn names_make_the_difference() {
        assert_eq!(of("a").unwrap().digest, of("a").unwrap().digest);
        assert_ne!(of("a").unwrap().digest, of("b").unwrap().digest);
    }
}
