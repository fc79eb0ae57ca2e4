// The nine manikins of each scale, drawn from one number: valence moves the mouth and the brows,
// arousal the eyes, the mouth and the rays. Colour says nothing, so that no answer looks better.

const round = (x) => Math.round(x * 100) / 100;

const picture = (inner) =>
  `<svg class="manikin" viewBox="0 0 48 48" aria-hidden="true" focusable="false">${inner}</svg>`;

const eyes = (apart, y, draw) => [24 - apart, 24 + apart].map((x) => draw(x, y)).join("");

const dot = (rx, ry) => (x, y) =>
  `<ellipse class="solid" cx="${round(x)}" cy="${round(y)}" rx="${round(rx)}" ry="${round(ry)}"/>`;

const arc = (half, drop) => (x, y) =>
  `<path d="M${round(x - half)} ${round(y)}q${half} ${round(2 * drop)} ${2 * half} 0"/>`;

// step: 1, very unpleasant, to 9, very pleasant.
export function valence(step) {
  const t = (step - 5) / 4;
  const ends = round(32 - 2.2 * t);
  const bend = round(32 + 10.5 * t);
  const mouth =
    t > 0.6
      ? `<path class="solid" d="M14.5 ${ends}Q24 ${round(bend + 2)} 33.5 ${ends}Q24 ${round(ends + 2.5)} 14.5 ${ends}Z"/>`
      : `<path d="M15 ${ends}Q24 ${bend} 33 ${ends}"/>`;
  const brows =
    t < 0
      ? [-1, 1]
          .map(
            (s) =>
              `<path d="M${24 + s * 12.5} ${round(14.5 - t)}L${24 + s * 5} ${round(14.5 + 3.2 * t)}"/>`,
          )
          .join("")
      : "";
  const look = t > 0.6 ? arc(3.2, -2.6) : dot(2.1, 2.7);
  return picture(
    `<circle class="head" cx="24" cy="24" r="21"/>${brows}${eyes(8, 21, look)}${mouth}`,
  );
}

// step: 1, very calm, to 9, very excited.
export function arousal(step) {
  const t = (step - 1) / 8;
  const rays = Array.from({ length: 12 }, (_, i) => {
    const angle = ((i + 0.5) * Math.PI) / 6;
    const end = 19 + 6.5 * t * (i % 2 ? 1 : 0.65);
    const [x, y] = [Math.sin(angle), Math.cos(angle)];
    return `M${round(24 + 18.6 * x)} ${round(24 + 18.6 * y)}L${round(24 + end * x)} ${round(24 + end * y)}`;
  });
  const look = t < 0.2 ? arc(3.1, 1.6) : dot(1.6 + 0.8 * t, 0.8 + 3.2 * t);
  const mouth =
    t > 0.5
      ? `<ellipse class="solid" cx="24" cy="32" rx="${round(2 + 1.8 * t)}" ry="${round(7.5 * (t - 0.4))}"/>`
      : `<path d="M20.5 31.5h7"/>`;
  const brows = t > 0.7 ? eyes(6.2, 16.3 - 1.5 * t, arc(2.8, -0.9)) : "";
  return picture(
    `<path class="rays" d="${step > 1 ? rays.join("") : ""}"/>` +
      `<circle class="head" cx="24" cy="24" r="15.5"/>${brows}${eyes(5.8, 22, look)}${mouth}`,
  );
}
